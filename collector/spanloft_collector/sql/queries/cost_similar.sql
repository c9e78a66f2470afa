-- Calls of the period that a cache which compares meanings would have answered; of the pairs whose answers are both known,
-- how many were at least $alike alike; and up to when embeddings and the job 'similar' have come, NULL where they never ran.
WITH found AS (
    SELECT *
    FROM similar_calls
    WHERE start_time >= $since AND start_time < $until
      AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
      AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
      AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
      AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
),
jobs AS (
    SELECT writer, make_timestamp((watermark ->> '$.until_us')::BIGINT) AS until_time
    FROM store_writers
    WHERE writer IN ('job-embeddings', 'job-similar')
)
SELECT
    count(*) AS calls, coalesce(sum(saved_tokens), 0)::BIGINT AS saved_tokens, sum(saved_usd) AS saved_usd,
    count(answer_similarity) AS answered, count(*) FILTER (WHERE answer_similarity >= $alike) AS alike,
    (SELECT max(until_time) FROM jobs WHERE writer = 'job-embeddings') AS embeddings_until,
    (SELECT max(until_time) FROM jobs WHERE writer = 'job-similar') AS similar_until
FROM found;
