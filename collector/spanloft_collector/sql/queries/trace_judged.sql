-- What was judged of one span, and up to which time of ingest the jobs that judge have come; NULL for one that never ran.
WITH jobs AS (
    SELECT writer, make_timestamp((watermark ->> '$.until_us')::BIGINT) AS until_time
    FROM store_writers
    WHERE writer IN ('job-security', 'job-embeddings', 'job-drift', 'job-alerts')
)
SELECT
    (SELECT max(until_time) FROM jobs WHERE writer = 'job-security') AS security_until,
    (SELECT max(until_time) FROM jobs WHERE writer = 'job-embeddings') AS embeddings_until,
    (SELECT max(until_time) FROM jobs WHERE writer = 'job-drift') AS drift_until,
    (SELECT max(until_time) FROM jobs WHERE writer = 'job-alerts') AS alerts_until,
    (
        SELECT list(DISTINCT replace(origin, '_', ' '))
        FROM security_scores
        WHERE start_time = $at AND trace_id = $trace_id AND span_id = $span_id
    ) AS scored_origins;
