-- Whether any GenAI log event was published since an hour before $since.
SELECT count(*) AS events
FROM logs
WHERE ingest_time > $since::TIMESTAMP - INTERVAL 1 HOUR AND ingest_time <= $until::TIMESTAMP
  AND span_id IS NOT NULL AND starts_with(event_name, 'gen_ai.');
