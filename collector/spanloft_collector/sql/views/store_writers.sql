CREATE VIEW store_writers AS
SELECT parse_filename(filename, true) AS writer, content -> '$.watermark' AS watermark, timezone('UTC', last_modified) AS written_at
FROM read_text('{root}/manifest/*.json')
WHERE (content -> '$.watermark')::VARCHAR != '{}';

COMMENT ON VIEW store_writers IS 'How far each writer of the store got';
COMMENT ON COLUMN store_writers.writer IS 'Who writes: ingest, or a job';
COMMENT ON COLUMN store_writers.watermark IS 'What was published last: a position in the journal, or a time of ingest in microseconds';
COMMENT ON COLUMN store_writers.written_at IS 'When, UTC';
