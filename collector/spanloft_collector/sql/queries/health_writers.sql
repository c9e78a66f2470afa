-- How far each collector and each job got. The watermark of a collector is the time of ingest of the newest span that it
-- published; that of a job is the time of ingest up to which it has worked. behind_s is what lies between them.
WITH writers AS (
    SELECT
        writer, written_at, starts_with(writer, 'job-') AS is_job,
        make_timestamp(coalesce(watermark ->> '$.until_us', watermark ->> '$.ingest_us')::BIGINT) AS until_time,
        watermark ->> '$.version' AS version
    FROM store_writers
),
newest AS (SELECT max(until_time) AS ingest_time FROM writers WHERE NOT is_job)
SELECT
    regexp_replace(writer, '^job-', '') AS writer, if(is_job, 'job', 'collector') AS role, version, until_time, written_at,
    if(is_job, greatest(epoch(ingest_time) - epoch(until_time), 0), NULL) AS behind_s
FROM writers, newest
WHERE until_time IS NOT NULL
ORDER BY is_job, behind_s DESC NULLS LAST, writer;
