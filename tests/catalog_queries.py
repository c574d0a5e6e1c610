"""What a database holds, by catalog queries that owe nothing to the product: one SELECT per kind of object.

Every query returns `identity` (what the object is called, the same on both ends) and its attributes. What a
later server knows and an earlier one does not is read through to_jsonb: NULL for a column that is not there.
"""

from __future__ import annotations

# Objects of the operator: no server's own, no member of an extension, not the state of the migration itself.
SCHEMAS = "(n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'ybvoyager'))"


def _no_member(catalog: str, oid: str) -> str:
    return f"""NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.classid = '{catalog}'::regclass AND e.objid = {oid}
               AND e.deptype = 'e')"""


def _identity(catalog: str, oid: str, sub: str = "0") -> str:
    catalog = f"'{catalog}'::regclass" if catalog.startswith("pg_") else catalog
    return f"(pg_identify_object({catalog}, {oid}, {sub})).identity"


def _sorted(items: str) -> str:
    return f"(SELECT array_agg(item::text ORDER BY item::text) FROM unnest({items}) item)"


def _in_schemas(catalog: str, alias: str, prefix: str) -> str:
    return f"""FROM {catalog} {alias} JOIN pg_namespace n ON n.oid = {alias}.{prefix}namespace
               WHERE {SCHEMAS} AND {_no_member(catalog, alias + ".oid")}"""


_COLUMNS_OF_A_TYPE = """
SELECT array_agg(format('%I %s %s', a.attname, format_type(a.atttypid, a.atttypmod), a.attcollation::regcollation)
                 ORDER BY a.attnum)
FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped"""

QUERIES: dict[str, str] = {
    "schema": f"""SELECT quote_ident(n.nspname) AS identity FROM pg_namespace n
        WHERE {SCHEMAS} AND {_no_member("pg_namespace", "n.oid")}""",
    "extension": """SELECT quote_ident(x.extname) AS identity, x.extversion, x.extnamespace::regnamespace AS schema
        FROM pg_extension x""",
    "language": f"""SELECT quote_ident(l.lanname) AS identity, l.lanpltrusted, l.lanplcallfoid::regprocedure AS handler,
        l.laninline::regprocedure AS inline, l.lanvalidator::regprocedure AS validator
        FROM pg_language l WHERE l.oid >= 16384 AND {_no_member("pg_language", "l.oid")}""",
    "access method": f"""SELECT quote_ident(a.amname) AS identity, a.amhandler::regproc AS handler, a.amtype
        FROM pg_am a WHERE a.oid >= 16384 AND {_no_member("pg_am", "a.oid")}""",
    "transform": f"""SELECT format('%s in %s', t.trftype::regtype, (SELECT l.lanname FROM pg_language l
        WHERE l.oid = t.trflang)) AS identity, t.trffromsql::regprocedure AS from_sql,
        t.trftosql::regprocedure AS to_sql FROM pg_transform t WHERE {_no_member("pg_transform", "t.oid")}""",
    "collation": f"""SELECT {_identity("pg_collation", "c.oid")} AS identity, c.collprovider, c.collisdeterministic,
        c.collencoding, c.collcollate, c.collctype,
        coalesce(to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale') AS locale
        {_in_schemas("pg_collation", "c", "coll")}""",
    "conversion": f"""SELECT {_identity("pg_conversion", "c.oid")} AS identity, c.condefault,
        pg_encoding_to_char(c.conforencoding) AS from_encoding, pg_encoding_to_char(c.contoencoding) AS to_encoding,
        c.conproc::regproc AS function {_in_schemas("pg_conversion", "c", "con")}""",
    "type": f"""SELECT {_identity("pg_type", "t.oid")} AS identity, t.typtype, t.typcategory, t.typispreferred,
        t.typisdefined, t.typdelim, t.typlen, t.typbyval, t.typalign, t.typstorage, t.typinput::regproc AS input,
        t.typoutput::regproc AS output, t.typreceive::regproc AS receive, t.typsend::regproc AS send,
        t.typanalyze::regproc AS analyze, t.typsubscript::regproc AS subscript, t.typnotnull, t.typndims, t.typdefault,
        CASE WHEN t.typbasetype <> 0 THEN format_type(t.typbasetype, t.typtypmod) END AS base,
        t.typcollation::regcollation AS collation,
        (SELECT array_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid) AS labels,
        CASE WHEN t.typtype = 'c' THEN ({_COLUMNS_OF_A_TYPE}) END AS attributes,
        (SELECT to_jsonb(r) FROM (
            SELECT g.rngsubtype::regtype, g.rngcollation::regcollation, g.rngcanonical::regproc, g.rngsubdiff::regproc,
                   g.rngmultitypid::regtype, {_identity("pg_opclass", "g.rngsubopc")} AS opclass
            FROM pg_range g WHERE g.rngtypid = t.oid) r) AS range
        {_in_schemas("pg_type", "t", "typ")}
          AND (t.typrelid = 0 OR EXISTS (SELECT 1 FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
          AND NOT EXISTS (SELECT 1 FROM pg_type e WHERE e.typarray = t.oid)""",
    "function": f"""SELECT {_identity("pg_proc", "p.oid")} AS identity, p.prokind, p.proleakproof,
        CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END AS definition,
        pg_get_function_result(p.oid) AS result, p.proparallel, p.provolatile, p.prosecdef, p.proretset, p.procost,
        p.prorows, p.proisstrict, pg_get_function_arguments(p.oid) AS arguments,
        (SELECT to_jsonb(g) FROM (
            SELECT a.aggkind, a.aggnumdirectargs, a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn,
                   a.aggdeserialfn, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn, a.aggfinalextra, a.aggmfinalextra,
                   a.aggfinalmodify, a.aggmfinalmodify, a.aggsortop::regoperator::text, a.aggtranstype::regtype,
                   a.aggtransspace, a.aggmtranstype::regtype, a.aggmtransspace, a.agginitval, a.aggminitval
            FROM pg_aggregate a WHERE a.aggfnoid = p.oid) g) AS aggregate
        {_in_schemas("pg_proc", "p", "pro")}""",
    "operator": f"""SELECT {_identity("pg_operator", "o.oid")} AS identity, o.oprkind, o.oprcanmerge, o.oprcanhash,
        o.oprresult::regtype AS result, o.oprcom::regoperator::text AS commutator,
        o.oprnegate::regoperator::text AS negator,
        o.oprcode::regproc AS function, o.oprrest::regproc AS restrict, o.oprjoin::regproc AS join
        {_in_schemas("pg_operator", "o", "opr")}""",
    "operator family": f"""SELECT {_identity("pg_opfamily", "f.oid")} AS identity,
        (SELECT array_agg(pg_describe_object('pg_amop'::regclass, o.oid, 0)
                          ORDER BY pg_describe_object('pg_amop'::regclass, o.oid, 0))
         FROM (SELECT x.oid FROM pg_amop x WHERE x.amopfamily = f.oid) o) AS operators,
        (SELECT array_agg(pg_describe_object('pg_amproc'::regclass, o.oid, 0)
                          ORDER BY pg_describe_object('pg_amproc'::regclass, o.oid, 0))
         FROM (SELECT x.oid FROM pg_amproc x WHERE x.amprocfamily = f.oid) o) AS functions
        {_in_schemas("pg_opfamily", "f", "opf")}""",
    "operator class": f"""SELECT {_identity("pg_opclass", "c.oid")} AS identity, c.opcdefault,
        {_identity("pg_opfamily", "c.opcfamily")} AS family, c.opcintype::regtype AS type,
        c.opckeytype::regtype AS key_type
        {_in_schemas("pg_opclass", "c", "opc")}""",
    "cast": f"""SELECT {_identity("pg_cast", "c.oid")} AS identity, c.castfunc::regprocedure AS function, c.castcontext,
        c.castmethod FROM pg_cast c WHERE c.oid >= 16384 AND {_no_member("pg_cast", "c.oid")}""",
    "text search parser": f"""SELECT {_identity("pg_ts_parser", "p.oid")} AS identity, p.prsstart, p.prstoken, p.prsend,
        p.prsheadline, p.prslextype {_in_schemas("pg_ts_parser", "p", "prs")}""",
    "text search template": f"""SELECT {_identity("pg_ts_template", "t.oid")} AS identity, t.tmplinit, t.tmpllexize
        {_in_schemas("pg_ts_template", "t", "tmpl")}""",
    "text search dictionary": f"""SELECT {_identity("pg_ts_dict", "d.oid")} AS identity, d.dictinitoption,
        {_identity("pg_ts_template", "d.dicttemplate")} AS template {_in_schemas("pg_ts_dict", "d", "dict")}""",
    "text search configuration": f"""SELECT {_identity("pg_ts_config", "c.oid")} AS identity,
        {_identity("pg_ts_parser", "c.cfgparser")} AS parser,
        (SELECT array_agg(format('%s %s', m.maptokentype, m.mapdict::regdictionary) ORDER BY m.maptokentype, m.mapseqno)
         FROM pg_ts_config_map m WHERE m.mapcfg = c.oid) AS mappings
        {_in_schemas("pg_ts_config", "c", "cfg")}""",
    "foreign data wrapper": f"""SELECT quote_ident(w.fdwname) AS identity, w.fdwhandler::regproc AS handler,
        w.fdwvalidator::regproc AS validator, {_sorted("w.fdwoptions")} AS options
        FROM pg_foreign_data_wrapper w
        WHERE {_no_member("pg_foreign_data_wrapper", "w.oid")}""",
    "server": f"""SELECT quote_ident(s.srvname) AS identity, s.srvtype, s.srvversion,
        {_sorted("s.srvoptions")} AS options,
        (SELECT w.fdwname FROM pg_foreign_data_wrapper w WHERE w.oid = s.srvfdw) AS wrapper FROM pg_foreign_server s""",
    "user mapping": "SELECT format('%I for %I', m.srvname, m.usename) AS identity, m.umoptions FROM pg_user_mappings m",
    "relation": f"""SELECT {_identity("pg_class", "c.oid")} AS identity, c.relkind, c.relpersistence,
        (SELECT a.amname FROM pg_am a WHERE a.oid = c.relam AND c.relkind <> 'i') AS access_method,
        (SELECT s.spcname FROM pg_tablespace s WHERE s.oid = c.reltablespace) AS tablespace,
        c.reloptions, (SELECT t.reloptions FROM pg_class t WHERE t.oid = c.reltoastrelid) AS toast_options,
        c.relrowsecurity, c.relforcerowsecurity, c.relreplident, c.relispopulated,
        pg_get_expr(c.relpartbound, c.oid) AS bound,
        CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END AS partition_key,
        c.reloftype::regtype AS of_type,
        (SELECT array_agg(i.inhparent::regclass::text ORDER BY i.inhseqno) FROM pg_inherits i
         WHERE i.inhrelid = c.oid) AS parents,
        (SELECT to_jsonb(f) FROM (SELECT s.srvname, {_sorted("t.ftoptions")} AS options FROM pg_foreign_table t
            JOIN pg_foreign_server s ON s.oid = t.ftserver WHERE t.ftrelid = c.oid) f) AS foreign_table
        {_in_schemas("pg_class", "c", "rel")} AND c.relkind IN ('r', 'p', 'v', 'm', 'f')""",
    "column": f"""SELECT {_identity("pg_class", "c.oid", "a.attnum::int")} AS identity,
        row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum) AS position,
        format_type(a.atttypid, a.atttypmod) AS type, a.attcollation::regcollation AS collation, a.attnotnull,
        pg_get_expr(d.adbin, d.adrelid) AS default_or_generated, a.attidentity, a.attgenerated, a.attstorage,
        a.attcompression,
        nullif((to_jsonb(a) ->> 'attstattarget')::int, -1) AS statistics, a.attoptions, a.attfdwoptions, a.attislocal,
        a.attinhcount, a.attndims
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE {SCHEMAS} AND {_no_member("pg_class", "c.oid")} AND a.attnum > 0 AND NOT a.attisdropped
          AND c.relkind IN ('r', 'p', 'v', 'm', 'f')""",
    "constraint": f"""SELECT {_identity("pg_constraint", "k.oid")} AS identity, k.contype,
        pg_get_constraintdef(k.oid) AS definition, k.condeferrable, k.condeferred, k.convalidated, k.connoinherit,
        k.conislocal, k.coninhcount, coalesce(to_jsonb(k) ->> 'conenforced', 'true') AS enforced,
        coalesce(to_jsonb(k) ->> 'conperiod', 'false') AS period,
        CASE WHEN k.conparentid <> 0 THEN {_identity("pg_constraint", "k.conparentid")} END AS parent
        FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
        WHERE {SCHEMAS} AND {_no_member("pg_constraint", "k.oid")} AND {_no_member("pg_class", "k.conrelid")}""",
    "index": f"""SELECT {_identity("pg_class", "c.oid")} AS identity,
        pg_get_indexdef(c.oid) AS definition,
        c.relpersistence, i.indisunique, i.indisprimary, i.indisexclusion, i.indimmediate, i.indisclustered,
        i.indisvalid, i.indisready, i.indisreplident, i.indnullsnotdistinct,
        (SELECT array_agg(nullif((to_jsonb(a) ->> 'attstattarget')::int, -1) ORDER BY a.attnum)
         FROM pg_attribute a WHERE a.attrelid = c.oid) AS statistics,
        (SELECT inh.inhparent::regclass::text FROM pg_inherits inh WHERE inh.inhrelid = c.oid) AS parent
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE {SCHEMAS} AND {_no_member("pg_class", "i.indrelid")}""",
    "trigger": f"""SELECT {_identity("pg_trigger", "t.oid")} AS identity, pg_get_triggerdef(t.oid) AS definition,
        t.tgenabled, t.tgparentid <> 0 AS of_parent
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE {SCHEMAS} AND NOT t.tgisinternal""",
    "internal triggers": f"""SELECT format('%s by %s', c.oid::regclass, t.tgfoid::regproc) AS identity,
        array_agg(t.tgenabled ORDER BY t.tgenabled) AS enabled
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE {SCHEMAS} AND t.tgisinternal GROUP BY c.oid, t.tgfoid""",
    "rule": f"""SELECT {_identity("pg_rewrite", "r.oid")} AS identity, pg_get_ruledef(r.oid) AS definition, r.ev_enabled
        FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE {SCHEMAS} AND {_no_member("pg_class", "c.oid")}""",
    "view": f"""SELECT {_identity("pg_class", "c.oid")} AS identity, pg_get_viewdef(c.oid) AS definition
        {_in_schemas("pg_class", "c", "rel")} AND c.relkind IN ('v', 'm')""",
    "policy": f"""SELECT {_identity("pg_policy", "p.oid")} AS identity, p.polcmd, p.polpermissive,
        (SELECT array_agg(role ORDER BY role) FROM unnest(p.polroles) r
         CROSS JOIN LATERAL (SELECT CASE WHEN r = 0 THEN 'PUBLIC' ELSE r::regrole::text END AS role) x) AS roles,
        pg_get_expr(p.polqual, p.polrelid) AS using, pg_get_expr(p.polwithcheck, p.polrelid) AS with_check
        FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE {SCHEMAS}""",
    "statistics": f"""SELECT {_identity("pg_statistic_ext", "s.oid")} AS identity,
        pg_get_statisticsobjdef(s.oid) AS definition, nullif((to_jsonb(s) ->> 'stxstattarget')::int, -1) AS target
        {_in_schemas("pg_statistic_ext", "s", "stx")}""",
    "publication": """SELECT quote_ident(p.pubname) AS identity, p.puballtables, p.pubinsert, p.pubupdate, p.pubdelete,
        p.pubtruncate, p.pubviaroot, coalesce(to_jsonb(p) ->> 'pubgencols', 'n') AS generated,
        (SELECT array_agg(format('%s %s %s', r.prrelid::regclass, r.prattrs, pg_get_expr(r.prqual, r.prrelid))
                          ORDER BY r.prrelid::regclass::text)
         FROM pg_publication_rel r WHERE r.prpubid = p.oid) AS tables,
        (SELECT array_agg(s.pnnspid::regnamespace::text ORDER BY s.pnnspid::regnamespace::text)
         FROM pg_publication_namespace s WHERE s.pnpubid = p.oid) AS schemas
        FROM pg_publication p""",
    "event trigger": f"""SELECT quote_ident(t.evtname) AS identity, t.evtevent, t.evtfoid::regprocedure AS function,
        t.evtenabled, t.evttags FROM pg_event_trigger t WHERE {_no_member("pg_event_trigger", "t.oid")}""",
    "sequence": f"""SELECT {_identity("pg_class", "c.oid")} AS identity, c.relpersistence, s.seqtypid::regtype AS type,
        s.seqstart, s.seqincrement, s.seqmax, s.seqmin, s.seqcache, s.seqcycle,
        (SELECT format('%s %s', d.deptype, {_identity("pg_class", "d.refobjid", "d.refobjsubid")}) FROM pg_depend d
         WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass
           AND d.deptype IN ('a', 'i')) AS owned_by
        FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE {SCHEMAS} AND {_no_member("pg_class", "c.oid")}""",
    "dependency on an extension": f"""SELECT format('%s on %s', {_identity("d.classid", "d.objid")},
        {_identity("d.refclassid", "d.refobjid")}) AS identity FROM pg_depend d WHERE d.deptype = 'x'""",
    "large object": "SELECT l.oid::text AS identity FROM pg_largeobject_metadata l",
    "default privileges": f"""SELECT format('%s in %s on %s', d.defaclrole::regrole,
        CASE WHEN d.defaclnamespace <> 0 THEN d.defaclnamespace::regnamespace::text END, d.defaclobjtype) AS identity,
        {_sorted("d.defaclacl")} AS privileges FROM pg_default_acl d""",
    "comment": """SELECT format('%s %s', o.type, o.identity) AS identity, d.description
        FROM pg_description d CROSS JOIN pg_identify_object(d.classoid, d.objoid, d.objsubid) o
        WHERE d.objoid >= 16384 OR (o.type, o.identity) = ('schema', 'public')""",
}

# (catalog, owner's column, privileges' column, the letter that acldefault knows it by)
_OWNED = (
    ("pg_namespace", "nspowner", "nspacl", "n"),
    ("pg_class", "relowner", "relacl", "r"),
    ("pg_type", "typowner", "typacl", "T"),
    ("pg_proc", "proowner", "proacl", "f"),
    ("pg_language", "lanowner", "lanacl", "l"),
    ("pg_foreign_data_wrapper", "fdwowner", "fdwacl", "F"),
    ("pg_foreign_server", "srvowner", "srvacl", "S"),
    ("pg_operator", "oprowner", "", ""),
    ("pg_opclass", "opcowner", "", ""),
    ("pg_opfamily", "opfowner", "", ""),
    ("pg_collation", "collowner", "", ""),
    ("pg_conversion", "conowner", "", ""),
    ("pg_ts_dict", "dictowner", "", ""),
    ("pg_ts_config", "cfgowner", "", ""),
    ("pg_statistic_ext", "stxowner", "", ""),
    ("pg_publication", "pubowner", "", ""),
    ("pg_event_trigger", "evtowner", "", ""),
    ("pg_extension", "extowner", "", ""),
)


_NO_ARRAY = "AND NOT EXISTS (SELECT 1 FROM pg_type e WHERE e.typarray = x.oid)"


def _object(catalog: str) -> str:
    """The objects of a catalog that are ours, as `o` (their identity) and `x` (the row)."""
    return f"""FROM {catalog} x CROSS JOIN pg_identify_object('{catalog}'::regclass, x.oid, 0) o
        WHERE (x.oid >= 16384 OR o.identity = 'public')
          AND coalesce(o.schema, CASE WHEN o.type = 'schema' THEN o.identity END, '') !~ '^"?(pg_|ybvoyager)'
          AND {_no_member(catalog, "x.oid")} {_NO_ARRAY if catalog == "pg_type" else ""}"""


OWNERS = " UNION ALL ".join(
    f"SELECT format('%s %s', o.type, o.identity) AS identity, x.{owner}::regrole::text AS owner {_object(catalog)}"
    for catalog, owner, _, _ in _OWNED
)
GRANTS = " UNION ALL ".join(
    f"""SELECT format('%s %s', o.type, o.identity) AS identity,
        (SELECT array_agg(p::text ORDER BY p::text) FROM unnest(coalesce(x.{acl}, acldefault({
        "CASE WHEN x.relkind = 'S' THEN 's' ELSE 'r' END::" + '"char"' if letter == "r" else f"'{letter}'"
    }, x.{owner}))) p) AS privileges {_object(catalog)}"""
    for catalog, owner, acl, letter in _OWNED
    if acl
)
COLUMN_GRANTS = f"""SELECT {_identity("pg_class", "c.oid", "a.attnum::int")} AS identity,
    {_sorted("a.attacl")} AS privileges
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE {SCHEMAS} AND a.attacl IS NOT NULL AND {_no_member("pg_class", "c.oid")}"""

QUERIES |= {"owner": OWNERS, "grant": GRANTS, "column grant": COLUMN_GRANTS}

# Every relation that can be read, with how: a parent's rows are its own only.
READABLE = f"""SELECT c.oid::regclass::text {_in_schemas("pg_class", "c", "rel")}
    AND (c.relkind = 'r' OR c.relkind = 'm' AND c.relispopulated) ORDER BY 1"""
SEQUENCES = f"""SELECT c.oid::regclass::text {_in_schemas("pg_class", "c", "rel")} AND c.relkind = 'S' ORDER BY 1"""
