CREATE SCHEMA IF NOT EXISTS lake.stored;
CALL lake.set_option('parquet_compression', 'zstd');
CALL lake.set_option('parquet_row_group_size', {rows});
-- Spans that wait in Postgres would cost more there than a small file does.
CALL lake.set_option('data_inlining_row_limit', 0, schema => 'stored');
-- Few and short rows: they stay in Postgres, so a publish writes no file of its own for them.
CREATE SCHEMA IF NOT EXISTS lake.state;
CREATE TABLE IF NOT EXISTS lake.state.watermarks (writer VARCHAR, sequence BIGINT, watermark VARCHAR, published TIMESTAMP);
CREATE TABLE IF NOT EXISTS lake.state.meta (key VARCHAR, value VARCHAR);
