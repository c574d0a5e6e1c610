-- The sample database of the demo: a small shop with one of each thing that makes migrations interesting.
-- The setting shop.rows says how many rows all tables hold together; every value follows from its row's number.

CREATE SCHEMA shop;
COMMENT ON SCHEMA shop IS 'Sample data of yb-voyager demo';

CREATE TYPE shop.order_state AS ENUM ('new', 'paid', 'shipped', 'returned');
CREATE TYPE shop.address AS (street text, city text);
CREATE DOMAIN shop.email AS text CHECK (VALUE LIKE '%_@_%');
CREATE SEQUENCE shop.invoice_number START 10000;

CREATE TABLE shop.customers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    email shop.email NOT NULL UNIQUE,
    home shop.address,
    country char(2) NOT NULL,
    since date NOT NULL,
    preferences jsonb NOT NULL DEFAULT '{}',
    notes text
);
COMMENT ON COLUMN shop.customers.notes IS 'NULL and empty are not the same';

CREATE TABLE shop.products (
    id serial PRIMARY KEY,
    sku text NOT NULL UNIQUE,
    title text NOT NULL,
    price numeric(10, 2) NOT NULL CHECK (price >= 0),
    gross numeric(10, 2) GENERATED ALWAYS AS (round(price * 1.19, 2)) STORED,
    weight double precision,
    tags text[] NOT NULL DEFAULT '{}',
    picture bytea
);

CREATE TABLE shop.orders (
    id bigint NOT NULL,
    placed_at timestamptz NOT NULL,
    customer_id bigint NOT NULL,
    state shop.order_state NOT NULL DEFAULT 'new',
    invoice bigint NOT NULL DEFAULT nextval('shop.invoice_number'),
    changed_at timestamptz,
    PRIMARY KEY (id, placed_at)
) PARTITION BY RANGE (placed_at);
CREATE TABLE shop.orders_2024 PARTITION OF shop.orders FOR VALUES FROM ('2024-01-01 00:00+00') TO ('2025-01-01 00:00+00');
CREATE TABLE shop.orders_2025 PARTITION OF shop.orders FOR VALUES FROM ('2025-01-01 00:00+00') TO ('2026-01-01 00:00+00');
CREATE TABLE shop.orders_other PARTITION OF shop.orders DEFAULT;

CREATE TABLE shop.order_items (
    order_id bigint NOT NULL,
    placed_at timestamptz NOT NULL,
    line smallint NOT NULL,
    product_id integer NOT NULL,
    quantity integer NOT NULL CHECK (quantity > 0),
    price numeric(10, 2) NOT NULL,
    PRIMARY KEY (order_id, placed_at, line)
);

-- No key, and rows that occur twice.
CREATE TABLE shop.visits (
    at timestamptz NOT NULL,
    visitor uuid NOT NULL,
    address inet,
    stay interval,
    page text
);

CREATE TABLE shop."Gift Cards" (
    "Code" text PRIMARY KEY,
    "Amount" numeric,
    "Valid until" timestamp,
    "select" text
);

-- Rows. (Functions before them would be called by the rows; the trigger comes after.)

INSERT INTO shop."Gift Cards" VALUES
    ('tab', 10.50, 'infinity', E'one\ttwo'),
    ('line break', 'NaN', '-infinity', E'one\ntwo\r\n'),
    ('backslash', 0.000000000000000000001, '0044-03-15 12:00 BC', E'\\N and \\.'),
    ('quote "''', -1e30, NULL, $$it's "quoted"$$),
    ('empty', NULL, '2024-02-29 23:59:59.999999', ''),
    ('null', NULL, NULL, NULL),
    ('emoji', 1, '9999-12-31', 'grüße 🎁 日本語');

INSERT INTO shop.products (sku, title, price, weight, tags, picture)
SELECT 'SKU-' || lpad(n::text, 6, '0'),
       (ARRAY['Teapot', 'Lantern', 'Notebook', 'Umbrella', 'Kettle'])[1 + n % 5] || ' ' || n,
       (n * 37 % 9000) / 100.0 + 1,
       nullif(n % 17, 0) / 7.0,
       ARRAY['tag' || n % 4, CASE WHEN n % 3 = 0 THEN 'on, sale' END],
       CASE WHEN n % 2 = 0 THEN decode(md5(n::text), 'hex') END
FROM generate_series(1, greatest(10, current_setting('shop.rows')::bigint / 100)) AS n;

INSERT INTO shop.customers (name, email, home, country, since, preferences, notes)
SELECT 'Customer ' || n,
       'customer' || n || '@example.com',
       ROW(n || ', Long "Road"', CASE WHEN n % 9 > 0 THEN 'Town ' || n % 100 END)::shop.address,
       (ARRAY['DE', 'IN', 'US', 'BR', 'JP'])[1 + n % 5],
       date '2015-01-01' + (n % 3650)::integer,
       jsonb_build_object('newsletter', n % 2 = 0, 'theme', CASE n % 3 WHEN 0 THEN 'dark' ELSE 'light' END),
       CASE n % 4 WHEN 0 THEN '' WHEN 1 THEN NULL ELSE md5(n::text) END
FROM generate_series(1, greatest(10, current_setting('shop.rows')::bigint / 10)) AS n;

INSERT INTO shop.orders (id, placed_at, customer_id, state)
SELECT n,
       timestamptz '2024-01-01 00:00+00' + n % 900 * interval '1 day' + n % 86400 * interval '1 second',
       1 + n * 7919 % (SELECT count(*) FROM shop.customers),
       (enum_range(NULL::shop.order_state))[1 + n % 4]
FROM generate_series(1, greatest(10, current_setting('shop.rows')::bigint / 4)) AS n;

INSERT INTO shop.visits
SELECT timestamptz '2025-06-01 00:00+00' + n / 2 * interval '37 seconds',
       md5((n / 2 % 5000)::text)::uuid,
       ('10.' || n / 2 % 200 || '.0.1')::inet,
       n / 2 % 3600 * interval '1 second',
       '/shop/' || n / 2 % 100
FROM generate_series(1, greatest(10, current_setting('shop.rows')::bigint / 10)) AS n;

-- The items take what is left of the rows, dealt to the orders in turn.
INSERT INTO shop.order_items
SELECT o.id, o.placed_at, 1 + n / orders, 1 + n * 31 % products, 1 + n % 5, (n * 37 % 9000) / 100.0 + 1
FROM (SELECT (SELECT count(*) FROM shop.orders) AS orders,
             (SELECT count(*) FROM shop.products) AS products,
             (SELECT count(*) FROM shop.customers) + (SELECT count(*) FROM shop.visits)
                 + (SELECT count(*) FROM shop."Gift Cards") AS others) AS have,
     LATERAL generate_series(0, greatest(10, current_setting('shop.rows')::bigint - orders - products - others) - 1) AS n
JOIN LATERAL (SELECT id, placed_at FROM shop.orders WHERE id = 1 + n % have.orders) AS o ON true;

-- What leans on the rows.

ALTER TABLE shop.orders ADD CONSTRAINT orders_customer FOREIGN KEY (customer_id) REFERENCES shop.customers;
ALTER TABLE shop.order_items
    ADD CONSTRAINT items_order FOREIGN KEY (order_id, placed_at) REFERENCES shop.orders ON DELETE CASCADE,
    ADD CONSTRAINT items_product FOREIGN KEY (product_id) REFERENCES shop.products;
ALTER TABLE shop.customers ADD CONSTRAINT customers_since CHECK (since > '2000-01-01') NOT VALID;

CREATE INDEX orders_by_customer ON shop.orders (customer_id, placed_at DESC);
CREATE INDEX items_by_product ON shop.order_items (product_id) INCLUDE (quantity);
CREATE INDEX customers_preferences ON shop.customers USING gin (preferences);
CREATE INDEX customers_lower_name ON shop.customers (lower(name)) WHERE notes IS NOT NULL;

CREATE FUNCTION shop.note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_at := now();
    RETURN NEW;
END
$$;
CREATE TRIGGER orders_changed BEFORE UPDATE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.note_change();

CREATE VIEW shop.order_totals AS
SELECT order_id, placed_at, sum(quantity * price) AS total, count(*) AS lines
FROM shop.order_items GROUP BY order_id, placed_at;

CREATE MATERIALIZED VIEW shop.revenue AS
SELECT c.country, o.state, sum(t.total) AS revenue
FROM shop.orders AS o
JOIN shop.order_totals AS t ON (t.order_id, t.placed_at) = (o.id, o.placed_at)
JOIN shop.customers AS c ON c.id = o.customer_id
GROUP BY c.country, o.state;
CREATE UNIQUE INDEX revenue_key ON shop.revenue (country, state);
