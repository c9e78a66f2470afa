CREATE VIEW store_writers AS
SELECT writer, watermark::JSON AS watermark, published AS written_at
FROM lake.state.watermarks
WHERE watermark != '{}'
QUALIFY sequence = max(sequence) OVER (PARTITION BY writer);

COMMENT ON VIEW store_writers IS 'How far each writer of the store got';
COMMENT ON COLUMN store_writers.writer IS 'Who writes: a collector, or a job';
COMMENT ON COLUMN store_writers.watermark IS 'What was published last: a position in the journal, or a time of ingest in microseconds';
COMMENT ON COLUMN store_writers.written_at IS 'When, UTC';
