-- The newest stamp of what collectors published.
SELECT coalesce(max((watermark ->> '$.ingest_us')::BIGINT), 0) AS ingest_us
FROM lake.state.watermarks
WHERE starts_with(writer, 'ingest');
