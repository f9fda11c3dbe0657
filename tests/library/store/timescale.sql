-- A stand-in for TimescaleDB in a test's own database: functions of the documented names and arguments that note how
-- they were called. What the extension does is not here: chunks, packing, and ALTER TABLE ... SET (timescaledb...).
CREATE SCHEMA chunks;
SET allow_system_table_mods = on;
INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
SELECT 999999, 'timescaledb', 10, oid, false, '2.27.2' FROM pg_namespace WHERE nspname = 'chunks';
CREATE SCHEMA _timescaledb_internal;
CREATE SCHEMA timescaledb_information;
CREATE TABLE timescaledb_information.hypertables (hypertable_schema NAME, hypertable_name NAME);
CREATE TABLE chunks.calls (n SERIAL, call TEXT);
CREATE TYPE _timescaledb_internal.dimension_info AS (column_name NAME, span TEXT, kind TEXT);

CREATE FUNCTION chunks.by_range(
    column_name NAME, partition_interval ANYELEMENT = NULL::BIGINT, partition_func REGPROC = NULL
) RETURNS _timescaledb_internal.dimension_info LANGUAGE SQL
AS $$ SELECT column_name, partition_interval::TEXT, pg_typeof(partition_interval)::TEXT $$;

CREATE FUNCTION chunks.create_hypertable(
    relation REGCLASS, dimension _timescaledb_internal.dimension_info, create_default_indexes BOOLEAN = TRUE,
    if_not_exists BOOLEAN = FALSE, migrate_data BOOLEAN = FALSE
) RETURNS TABLE(hypertable_id INT, created BOOL) LANGUAGE plpgsql
AS $$
BEGIN
    IF EXISTS (SELECT FROM timescaledb_information.hypertables WHERE hypertable_name = relation::TEXT::NAME) THEN
        RAISE EXCEPTION 'table "%" is already a hypertable', relation;
    END IF;
    -- As the extension does: a key that lacks the time could not be kept over all chunks.
    IF EXISTS (
        SELECT FROM pg_index i WHERE i.indrelid = relation AND i.indisunique AND NOT EXISTS (
            SELECT FROM pg_attribute a
            WHERE a.attrelid = relation AND a.attnum = ANY (i.indkey) AND a.attname = dimension.column_name
        )
    ) THEN
        RAISE EXCEPTION 'cannot create a unique index without the column "%"', dimension.column_name;
    END IF;
    INSERT INTO timescaledb_information.hypertables VALUES (current_schema(), relation::TEXT);
    INSERT INTO chunks.calls (call) VALUES (format(
        'create_hypertable %s %s %s %s %s %s',
        relation, dimension.column_name, dimension.span, dimension.kind, create_default_indexes, migrate_data
    ));
    RETURN QUERY SELECT 1, TRUE;
END
$$;

CREATE FUNCTION chunks.set_integer_now_func(
    hypertable REGCLASS, integer_now_func REGPROC, replace_if_exists BOOL = FALSE
) RETURNS VOID LANGUAGE SQL STRICT
AS $$ INSERT INTO chunks.calls (call) VALUES (format('set_integer_now_func %s %s', hypertable, integer_now_func)) $$;

-- The documented type is "any", which no function in SQL may take.
CREATE FUNCTION chunks.add_compression_policy(
    hypertable REGCLASS, compress_after ANYELEMENT = NULL::BIGINT, if_not_exists BOOL = FALSE
) RETURNS INTEGER LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO chunks.calls (call)
    VALUES (format('add_compression_policy %s %s %s', hypertable, compress_after, pg_typeof(compress_after)));
    RETURN 1;
END
$$;

CREATE FUNCTION chunks.hypertable_size(hypertable REGCLASS) RETURNS BIGINT LANGUAGE SQL
AS $$ SELECT 1000000::BIGINT $$;
