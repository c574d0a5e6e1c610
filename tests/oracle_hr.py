"""A schema HR of Oracle with every trap that a DBA should be told of, as its dictionary would show it."""

from __future__ import annotations

from tests.oracle_sample import Sample, col

JSON_CHECK = '"DOCUMENT" IS JSON'


def hr() -> Sample:
    sample = Sample("HR")
    sample.database("HR", "SALES", "ASSESSOR")
    _people(sample)
    _values(sample)
    _partitions(sample)
    _special_tables(sample)
    _objects(sample)
    _code(sample)
    _names(sample)
    _others(sample)
    return sample


def _people(sample: Sample) -> None:
    sample.table("REGIONS", col("REGION_ID", "NUMBER", NULLABLE="N"), col("REGION_NAME", "VARCHAR2(25)"), rows=4)
    sample.key("REG_ID_PK", "REGIONS", "REGION_ID")
    sample.table(
        "EMPLOYEES",
        col("EMPLOYEE_ID", "NUMBER(6,0)", NULLABLE="N", IDENTITY_COLUMN="YES"),
        col("FIRST_NAME", "VARCHAR2(20 CHAR)"),
        col("EMAIL", "VARCHAR2(25)", NULLABLE="N"),
        col("HIRE_DATE", "DATE", DATA_DEFAULT="SYSDATE\n"),
        col("SALARY", "NUMBER(8,2)"),
        col("YEARLY", "NUMBER", VIRTUAL_COLUMN="YES", DATA_DEFAULT='"SALARY"*12'),
        col("MANAGER_ID", "NUMBER(6,0)"),
        col("GRADE", "VARCHAR2(3)", DEFAULT_ON_NULL="YES", DATA_DEFAULT="'A'"),
        col("NOTE", "VARCHAR2(100)", HIDDEN_COLUMN="YES", COLUMN_ID=None, DATA_DEFAULT="'SYSDATE'"),
        col("SYS_NC00010$", "VARCHAR2(25)", HIDDEN_COLUMN="YES", VIRTUAL_COLUMN="YES", USER_GENERATED="NO",
            DATA_DEFAULT='UPPER("EMAIL")'),
        rows=107, size=1048576,
    )  # fmt: skip
    sample.add(
        "DBA_TAB_IDENTITY_COLS", OWNER="HR", TABLE_NAME="EMPLOYEES", COLUMN_NAME="EMPLOYEE_ID",
        GENERATION_TYPE="ALWAYS", SEQUENCE_NAME="ISEQ$$_73001",
    )  # fmt: skip
    sample.sequence("ISEQ$$_73001", last=207)
    sample.key("EMP_EMP_ID_PK", "EMPLOYEES", "EMPLOYEE_ID")
    sample.key("EMP_EMAIL_UK", "EMPLOYEES", "EMAIL", "MANAGER_ID", kind="U")
    sample.constraint("C", "EMP_EMAIL_NN", "EMPLOYEES", "EMAIL", SEARCH_CONDITION='"EMAIL" IS NOT NULL')
    sample.check("EMP_SALARY_MIN", "EMPLOYEES", "salary > 0", "SALARY", STATUS="DISABLED", VALIDATED="NOT VALIDATED")
    sample.check("EMP_EMAIL_FORM", "EMPLOYEES", "REGEXP_LIKE(email, '^[a-z]+$')", "EMAIL")
    sample.foreign_key("EMP_MANAGER_FK", "EMPLOYEES", "MANAGER_ID", "EMP_EMP_ID_PK", VALIDATED="NOT VALIDATED")
    sample.index("EMP_NAME_IX", "EMPLOYEES", "FIRST_NAME", 'UPPER("EMAIL")')
    sample.index("EMP_HIRED_IX", "EMPLOYEES", "HIRE_DATE DESC", "EMPLOYEE_ID")
    sample.index("EMP_MONTH_IX", "EMPLOYEES", """TO_CHAR("HIRE_DATE",'YYYY-MM')""")
    sample.index("EMP_PAID_IX", "EMPLOYEES", """CASE WHEN "SALARY">0 THEN "EMPLOYEE_ID" END""")
    sample.index("EMP_GRADE_BIX", "EMPLOYEES", "GRADE", INDEX_TYPE="BITMAP", VISIBILITY="INVISIBLE")
    sample.index("EMP_MANAGER_REV", "EMPLOYEES", "MANAGER_ID", INDEX_TYPE="NORMAL/REV", STATUS="UNUSABLE")
    sample.index("EMP_BJI", "EMPLOYEES", "GRADE", INDEX_TYPE="BITMAP", JOIN_INDEX="YES")
    sample.add(
        "DBA_ENCRYPTED_COLUMNS", OWNER="HR", TABLE_NAME="EMPLOYEES", COLUMN_NAME="SALARY", ENCRYPTION_ALG="AES192"
    )
    sample.add("DBA_POLICIES", OBJECT_OWNER="HR", OBJECT_NAME="EMPLOYEES", POLICY_NAME="OWN_ROWS", FUNCTION="SEES")
    sample.add("REDACTION_POLICIES", OBJECT_OWNER="HR", OBJECT_NAME="EMPLOYEES", POLICY_NAME="MASKS", ENABLE="YES")
    sample.add("DBA_TAB_COMMENTS", OWNER="HR", TABLE_NAME="EMPLOYEES", TABLE_TYPE="TABLE", COMMENTS="All of them")
    sample.add("DBA_TAB_COMMENTS", OWNER="HR", TABLE_NAME="REGIONS", TABLE_TYPE="TABLE", COMMENTS="")
    sample.add(
        "DBA_TAB_MODIFICATIONS", TABLE_OWNER="HR", TABLE_NAME="EMPLOYEES", INSERTS=40, UPDATES=50, DELETES=10,
        TRUNCATED="NO",
    )  # fmt: skip


def _values(sample: Sample) -> None:
    sample.type("ADDRESS_T", METHODS=2)
    sample.add(
        "DBA_TYPE_ATTRS", OWNER="HR", TYPE_NAME="ADDRESS_T", ATTR_NO=1, ATTR_NAME="EXTRA", ATTR_TYPE_OWNER="SYS",
        ATTR_TYPE_NAME="ANYDATA",
    )  # fmt: skip
    sample.type("PHONES_T", "COLLECTION")
    sample.add(
        "DBA_COLL_TYPES", OWNER="HR", TYPE_NAME="PHONES_T", COLL_TYPE="VARYING ARRAY", UPPER_BOUND=5,
        ELEM_TYPE_NAME="VARCHAR2", LENGTH=20,
    )  # fmt: skip
    sample.type("OFFICE_T", SUPERTYPE_OWNER="HR", SUPERTYPE_NAME="ADDRESS_T")
    sample.type("SYS_PLSQL_73001_9_1", "COLLECTION")
    sample.table(
        "ALL_TYPES",
        col("ID", "NUMBER(19,0)", NULLABLE="N"),
        col("RATIO", "NUMBER(2,7)"),
        col("THOUSANDS", "NUMBER(6,-3)"),
        col("MEASURE", "FLOAT"),
        col("SINGLE", "FLOAT(24)"),
        col("TAKEN_AT", "TIMESTAMP(9)"),
        col("ZONED", "TIMESTAMP(6) WITH TIME ZONE"),
        col("LOCAL", "TIMESTAMP(3) WITH LOCAL TIME ZONE"),
        col("LASTED", "INTERVAL DAY(2) TO SECOND(6)"),
        col("KEY", "RAW(16)", DATA_DEFAULT="SYS_GUID()"),
        col("HASH", "RAW(32)"),
        col("CODE", "CHAR(8)"),
        col("FLAG", "CHAR(1)"),
        col("NAME", "NVARCHAR2(40)"),
        col("OLD", "LONG"),
        col("PHOTO", "BLOB"),
        col("RESUME", "CLOB"),
        col("DOCUMENT", "CLOB"),
        col("XML", "XMLTYPE", DATA_TYPE_OWNER="SYS", VIRTUAL_COLUMN="YES"),
        col("PLACE", "SDO_GEOMETRY", DATA_TYPE_OWNER="MDSYS"),
        col("ANYTHING", "ANYDATA", DATA_TYPE_OWNER="SYS"),
        col("LINK", "HTTPURITYPE", DATA_TYPE_OWNER="SYS"),
        col("HOME", "ADDRESS_T", DATA_TYPE_OWNER="HR"),
        col("PHONES", "PHONES_T", DATA_TYPE_OWNER="HR"),
        col("ROW_ADDRESS", "ROWID"),
        col("STRANGE", "MLSLABEL"),
        rows=None,
    )
    sample.constraint("P", "ALL_TYPES_PK", "ALL_TYPES", "ID", DEFERRABLE="DEFERRABLE", INDEX_NAME="ALL_TYPES_IX")
    sample.index("ALL_TYPES_IX", "ALL_TYPES", "ID")
    sample.index("LASTED_IX", "ALL_TYPES", "LASTED")
    sample.check("DOCUMENT_IS_JSON", "ALL_TYPES", JSON_CHECK, "DOCUMENT")
    sample.lob("ALL_TYPES", "PHOTO", 5000000)
    sample.add("DBA_JSON_COLUMNS", OWNER="HR", TABLE_NAME="ALL_TYPES", COLUMN_NAME="DOCUMENT", FORMAT="TEXT")


def _partitions(sample: Sample) -> None:
    part = {"PARTITIONED": "YES"}
    sample.table("EVENTS", col("ID", "NUMBER(9,0)", NULLABLE="N"), col("AT", "DATE"), **part)
    sample.key("EVENTS_PK", "EVENTS", "ID")
    sample.partition("EVENTS", "RANGE", "AT", parts=("P2025", "P2026"), INTERVAL="NUMTOYMINTERVAL(1,'YEAR')")
    sample.table("SHARES", col("ID", "NUMBER(9,0)", NULLABLE="N"), col("PART", "VARCHAR2(2)", NULLABLE="N"),
                 col("KIND", "VARCHAR2(2)", NULLABLE="N"), **part)  # fmt: skip
    sample.key("SHARES_PK", "SHARES", "ID", "PART", "KIND")
    sample.partition("SHARES", "LIST", "PART", "KIND", parts=("A", "B"), SUBPARTITIONING_TYPE="HASH")
    sample.subpartition("SHARES", "HASH", "A", "A_1", "A_2")
    sample.subpartition("SHARES", "HASH", "B", "B_1")
    sample.table("LINES", col("ID", "NUMBER(9,0)", NULLABLE="N"), col("EVENT_ID", "NUMBER(9,0)", NULLABLE="N"), **part)
    sample.key("LINES_PK", "LINES", "ID")
    sample.foreign_key("LINES_FK", "LINES", "EVENT_ID", "EVENTS_PK")
    sample.partition("LINES", "REFERENCE", parts=("P2025", "P2026"), REF_PTN_CONSTRAINT_NAME="LINES_FK")
    sample.table("BUCKETS", col("ID", "NUMBER(9,0)", NULLABLE="N"), **part)
    sample.key("BUCKETS_PK", "BUCKETS", "ID")
    sample.partition("BUCKETS", "SYSTEM", parts=("P1",))


def _special_tables(sample: Sample) -> None:
    one = col("ID", "NUMBER(9,0)", NULLABLE="N")
    sample.table("CART", one, TEMPORARY="Y", DURATION="SYS$SESSION")
    sample.table("LOADED", one, size=0)
    sample.add("DBA_EXTERNAL_TABLES", OWNER="HR", TABLE_NAME="LOADED", TYPE_NAME="ORACLE_LOADER")
    sample.table("STOCK", one, CLUSTER_NAME="STOCK_CLUSTER")
    sample.index("STOCK_CLUSTER_IX", "STOCK_CLUSTER", "ID", INDEX_TYPE="CLUSTER", TABLE_TYPE="CLUSTER")
    sample.table("LOOKUP", one, IOT_TYPE="IOT")
    sample.index("LOOKUP_PK", "LOOKUP", "ID", unique=True, INDEX_TYPE="IOT - TOP", size=131072)
    sample.constraint("P", "LOOKUP_PK", "LOOKUP", "ID", INDEX_NAME="LOOKUP_PK")
    sample.table("SYS_IOT_OVER_73010", one, IOT_TYPE="IOT_OVERFLOW")
    sample.table("OFFICES", one, TABLE_TYPE="OFFICE_T", TABLE_TYPE_OWNER="HR")
    sample.table("MAIL_QUEUE", one)
    sample.add("DBA_QUEUE_TABLES", OWNER="HR", QUEUE_TABLE="MAIL_QUEUE", TYPE="OBJECT", OBJECT_TYPE="HR.MAIL_T")
    sample.table("AQ$_MAIL_QUEUE_S", one)
    sample.table("PHONES_STORE", one, NESTED="YES")
    sample.add(
        "DBA_NESTED_TABLES", OWNER="HR", TABLE_NAME="PHONES_STORE", PARENT_TABLE_NAME="PEOPLE",
        PARENT_TABLE_COLUMN="PHONES",
    )  # fmt: skip
    sample.table("BIN$abc==$0", one, DROPPED="YES")
    sample.table("DR$TEXT_IX$I", one, SECONDARY="Y")
    sample.table("ARTICLES", one, col("BODY", "VARCHAR2(4000)"))
    sample.key("ARTICLES_PK", "ARTICLES", "ID")
    sample.index("TEXT_IX", "ARTICLES", "BODY", INDEX_TYPE="DOMAIN", ITYP_OWNER="CTXSYS", ITYP_NAME="CONTEXT")
    # An underscore is no wildcard here: this is a user's table.
    sample.table("SYSLOG", one)
    sample.table("MLOG$_REGIONS", one)
    sample.add("DBA_MVIEW_LOGS", LOG_OWNER="HR", MASTER="REGIONS", LOG_TABLE="MLOG$_REGIONS")


def _objects(sample: Sample) -> None:
    sample.sequence("ORDERS_SEQ", last=1001)
    sample.sequence("HUGE_SEQ", last=10**20, ORDER_FLAG="Y")
    sample.sequence("SCALED_SEQ", SCALE_FLAG="Y")
    sample.sequence("OWN_SEQ", SESSION_FLAG="Y")
    sample.add("DBA_SYNONYMS", OWNER="HR", SYNONYM_NAME="STAFF", TABLE_OWNER="HR", TABLE_NAME="EMPLOYEES")
    sample.add("DBA_SYNONYMS", OWNER="PUBLIC", SYNONYM_NAME="COUNTRIES", TABLE_OWNER="HR", TABLE_NAME="REGIONS")
    sample.add("DBA_SYNONYMS", OWNER="HR", SYNONYM_NAME="FAR", TABLE_OWNER="X", TABLE_NAME="T", DB_LINK="ARCHIVE")
    sample.add("DBA_DB_LINKS", OWNER="HR", DB_LINK="ARCHIVE", USERNAME="SECRET_USER", HOST="arch.example.com:1521/ARCH")
    sample.add(
        "DBA_SCHEDULER_JOBS",
        OWNER="HR",
        JOB_NAME="NIGHTLY",
        JOB_TYPE="PLSQL_BLOCK",
        REPEAT_INTERVAL="FREQ=DAILY",
        ENABLED="TRUE",
        JOB_ACTION="begin null; end;",
    )
    sample.add("DBA_JOBS", JOB=42, SCHEMA_USER="HR", INTERVAL="SYSDATE+1", BROKEN="N", WHAT="purge;")
    for kind, name in (("CONTEXT", "HR_CTX"), ("JAVA CLASS", "Mailer"), ("LIBRARY", "C_LIB")):
        sample.add("DBA_OBJECTS", OWNER="HR", OBJECT_NAME=name, OBJECT_TYPE=kind, STATUS="VALID")
    sample.view("EMP_V", "SELECT employee_id FROM employees WHERE rownum <= 10")
    sample.view("BROKEN_V", "SELECT nothing FROM nowhere", status="INVALID")
    sample.view("CHECKED_V", "SELECT region_id FROM regions WHERE region_id > 0 WITH CHECK OPTION")
    sample.constraint("V", "CHECKED_V_CK", "CHECKED_V")
    sample.table("TOTALS", col("REGION_ID", "NUMBER"), rows=4)
    sample.add("DBA_MVIEWS", OWNER="HR", MVIEW_NAME="TOTALS", CONTAINER_NAME="TOTALS", REFRESH_MODE="COMMIT",
               REFRESH_METHOD="FAST", UPDATABLE="N", QUERY="SELECT region_id FROM regions")  # fmt: skip
    sample.index("I_SNAP$_TOTALS", "TOTALS", 'SYS_OP_MAP_NONNULL("REGION_ID")', unique=True)


def _code(sample: Sample) -> None:
    sample.code("FUNCTION", "LEVELS", """\
function levels(p_id number) return number is
  -- CONNECT BY in a comment is none
  v number;
begin
  select max(level) into v from employees start with manager_id is null connect by prior employee_id = manager_id;
  return nvl(v, 0) + length('BULK COLLECT ''quoted'' (+)');
end;""")  # fmt: skip
    sample.code("PROCEDURE", "AUDIT_ROW", """\
procedure audit_row(p_text varchar2) is
  pragma autonomous_transaction;
begin
  insert into audit_log@archive values (p_text);
  if p_text = '' then null; end if;
  commit;
exception when others then rollback;
end;""")  # fmt: skip
    sample.code("FUNCTION", "PLAIN", "function plain return number is begin return 1; end;")
    sample.code("PACKAGE", "PAY", """\
package pay as
  g_rate number := 1.5;
  c_limit constant number := 10;
  procedure run;
end pay;""")  # fmt: skip
    sample.code("PACKAGE BODY", "PAY", """\
package body pay as
  type ids is table of number;
  procedure run is
    v ids;
  begin
    select employee_id bulk collect into v from employees e, regions r where e.id = r.id(+);
    forall i in 1 .. v.count execute immediate 'update x set y = 1';
    dbms_lock.sleep(1);
    dbms_output.put_line(q'[it's a GOTO]');
  end;
end pay;""")  # fmt: skip
    sample.code("PACKAGE BODY", "SECRET", "package body secret wrapped\na000000\n354\nabcd\n")
    sample.add("DBA_PROCEDURES", OWNER="HR", OBJECT_NAME="PAY", PROCEDURE_NAME="RUN", OBJECT_TYPE="PACKAGE",
               SUBPROGRAM_ID=1, AGGREGATE="NO")  # fmt: skip
    compound = (
        "trigger trg_all for insert on employees\ncompound trigger\nafter each row is begin null; end after each row;"
    )
    sample.trigger("TRG_ALL", "EMPLOYEES", "COMPOUND", "INSERT", compound + "\nend;")
    fills = "trigger trg_id before insert on regions for each row\nbegin :new.region_id := orders_seq.nextval; end;"
    sample.trigger("TRG_ID", "REGIONS", "BEFORE EACH ROW", "INSERT", fills, STATUS="DISABLED")
    logon = "trigger trg_logon after logon on schema begin null; end;"
    sample.trigger("TRG_LOGON", "", "AFTER EVENT", "LOGON ", logon, BASE_OBJECT_TYPE="SCHEMA")
    one = {"COMMAND_TYPE": 3, "EXECUTIONS": 7, "ROWS_PROCESSED": 7, "ELAPSED_TIME": 9000000}
    text = "select * from employees where email = 'canary' and rownum = 1"
    sample.add("V$SQLAREA", PARSING_SCHEMA_NAME="HR", SQL_ID="a1", SQL_FULLTEXT=text, **one)
    text = "select level from dual connect by level < 3"
    using = {"NAME": "PAY", "TYPE": "PACKAGE BODY", "OWNER": "HR", "REFERENCED_OWNER": "SYS"}
    sample.add("DBA_DEPENDENCIES", **using, REFERENCED_NAME="DBMS_LOCK", REFERENCED_TYPE="PACKAGE")
    sample.add("DBA_DEPENDENCIES", **using, REFERENCED_NAME="STANDARD", REFERENCED_TYPE="PACKAGE")
    of_sales = {**using, "REFERENCED_OWNER": "SALES"}
    sample.add("DBA_DEPENDENCIES", **of_sales, REFERENCED_NAME="CUSTOMERS", REFERENCED_TYPE="TABLE")
    sample.add("V$SQLAREA", PARSING_SCHEMA_NAME="SALES", SQL_ID="a2", SQL_FULLTEXT=text, **one)


def _names(sample: Sample) -> None:
    sample.table(
        "Mixed Case",
        col("ID", "NUMBER(9,0)", NULLABLE="N"),
        col("USER", "VARCHAR2(10)"),
        col("XMIN", "NUMBER(4,0)"),
        col("N#", "NUMBER(4,0)"),
        col("A_NAME_OF_MORE_THAN_SIXTY_THREE_BYTES_THAT_WOULD_BE_CUT_ON_THE_TARGET", "NUMBER(4,0)"),
    )
    sample.table("ORDER", col("ID", "NUMBER(9,0)", NULLABLE="N"))
    sample.index("REGIONS", "ARTICLES", "BODY")


def _others(sample: Sample) -> None:
    """What belongs to somebody else."""
    sales = Sample("SALES", sample.rows)
    sales.table("CUSTOMERS", col("ID", "NUMBER", NULLABLE="N"), col("PHOTO", "BLOB"), rows=10)
    sales.key("CUSTOMERS_PK", "CUSTOMERS", "ID")
    sales.index("CUSTOMERS_IX", "CUSTOMERS", 'UPPER("ID")')
    sales.sequence("CUSTOMERS_SEQ", SCALE_FLAG="Y")
    sales.view("CUSTOMERS_V", "SELECT id FROM customers")
    sales.type("POINT_T", SUPERTYPE_OWNER="SALES", SUPERTYPE_NAME="SHAPE_T")
    sales.code("FUNCTION", "SCORE", "function score return number is begin goto x; end;")
    sales.trigger("TRG_SALES", "CUSTOMERS", "COMPOUND", "INSERT", "trigger trg_sales compound trigger end;")
    sales.table("VISITS", col("ID", "NUMBER"), PARTITIONED="YES")
    sales.partition("VISITS", "RANGE", "ID", parts=("P1",), INTERVAL="10")
    sales.lob("CUSTOMERS", "PHOTO", 1)
    owned = {"OWNER": "SALES", "TABLE_NAME": "CUSTOMERS"}
    sales.add("DBA_SYNONYMS", OWNER="SALES", SYNONYM_NAME="S", TABLE_OWNER="SALES", TABLE_NAME="CUSTOMERS")
    sales.add("DBA_DB_LINKS", OWNER="SALES", DB_LINK="ELSEWHERE", HOST="h")
    sales.add("DBA_SCHEDULER_JOBS", OWNER="SALES", JOB_NAME="WEEKLY")
    sales.add("DBA_JOBS", JOB=1, SCHEMA_USER="SALES")
    sales.add("DBA_MVIEWS", OWNER="SALES", MVIEW_NAME="M", CONTAINER_NAME="M", QUERY="SELECT 1 FROM dual")
    sales.add("DBA_PROCEDURES", OWNER="SALES", OBJECT_NAME="SCORE", OBJECT_TYPE="FUNCTION", AGGREGATE="YES")
    sales.add("DBA_POLICIES", OBJECT_OWNER="SALES", OBJECT_NAME="CUSTOMERS", POLICY_NAME="P")
    sales.add("REDACTION_POLICIES", OBJECT_OWNER="SALES", OBJECT_NAME="CUSTOMERS", POLICY_NAME="P")
    sales.add("DBA_ENCRYPTED_COLUMNS", **owned, COLUMN_NAME="ID")
    sales.add("DBA_TAB_IDENTITY_COLS", **owned, COLUMN_NAME="ID", GENERATION_TYPE="ALWAYS")
    sales.add("DBA_JSON_COLUMNS", **owned, COLUMN_NAME="ID", FORMAT="TEXT")
    sales.add("DBA_TAB_COMMENTS", **owned, TABLE_TYPE="TABLE", COMMENTS="x")
    sales.add("DBA_COL_COMMENTS", **owned, COLUMN_NAME="ID", COMMENTS="x")
    sales.add("DBA_TYPE_ATTRS", OWNER="SALES", TYPE_NAME="POINT_T", ATTR_NAME="X", ATTR_NO=1)
    sales.add("DBA_EXTERNAL_TABLES", OWNER="SALES", TABLE_NAME="E")
    sales.add("DBA_DEPENDENCIES", OWNER="SALES", NAME="SCORE", TYPE="FUNCTION", REFERENCED_OWNER="SYS",
              REFERENCED_NAME="DBMS_LOCK", REFERENCED_TYPE="PACKAGE")  # fmt: skip
    sales.add("DBA_TAB_MODIFICATIONS", TABLE_OWNER="SALES", TABLE_NAME="CUSTOMERS", INSERTS=1)
