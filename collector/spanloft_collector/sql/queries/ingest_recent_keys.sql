-- Ids of the spans that were published last, so that a retry after a restart is still recognised.
SELECT trace_id, span_id FROM spans WHERE ingest_time >= $since::TIMESTAMP ORDER BY ingest_time DESC LIMIT $rows;
