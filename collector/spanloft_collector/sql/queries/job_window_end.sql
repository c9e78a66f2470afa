-- The end of a window of about $rows spans, so that a backfill goes in steps; a publish is never cut in two.
SELECT max(ingest_time) AS until
FROM (
    SELECT ingest_time FROM spans WHERE ingest_time > $since AND ingest_time <= $newest ORDER BY ingest_time LIMIT $rows
);
