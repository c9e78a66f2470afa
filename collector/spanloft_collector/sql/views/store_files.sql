CREATE VIEW store_files AS
SELECT live.dataset, live.day::DATE AS day, writer, live.rows, live.bytes
FROM (
    SELECT
        parse_filename(filename, true) AS writer,
        unnest(from_json(
            content -> '$.files', '[{"dataset": "VARCHAR", "day": "VARCHAR", "rows": "BIGINT", "bytes": "BIGINT"}]'
        )) AS live
    FROM read_text('{root}/manifest/*.json')
);

COMMENT ON VIEW store_files IS 'The files that the store consists of now';
COMMENT ON COLUMN store_files.dataset IS 'Dataset whose rows the file holds';
COMMENT ON COLUMN store_files.day IS 'UTC day of the rows';
COMMENT ON COLUMN store_files.writer IS 'Who wrote it: ingest, or a job';
COMMENT ON COLUMN store_files.rows IS 'Number of rows';
COMMENT ON COLUMN store_files.bytes IS 'Size on disk, compressed';
