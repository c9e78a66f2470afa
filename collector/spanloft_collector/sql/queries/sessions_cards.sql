-- Sessions of the period (bucket NULL) and of each bucket, beside those of the period before. Ids are counted by their
-- 64-bit hash, which is several times faster; two of a million sessions are mistaken once in forty million times.
-- Spans are added up by turn first, since there are far fewer of those; a turn belongs to the bucket that it began in, and
-- the buckets, which only draw the trend, are counted to about two percent.
WITH turns_in AS (
    SELECT
        if(start_time >= $since, 'now', 'before') AS period, hash(session_id) AS session, hash(trace_id) AS trace,
        hash(user_id) AS person, bool_and(user_id IS NULL) AS nobody, min(start_time) AS start_time,
        bool_or(status_code = 'error') AS failed,
        sum(cost_usd) FILTER (
            WHERE operation IN ('chat', 'generate_content', 'text_completion', 'embeddings') AND duplicate_of IS NULL
        ) AS cost_usd
    FROM spans
    WHERE session_id IS NOT NULL AND start_time >= coalesce($before, $since) AND start_time < $until
      AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
      AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
      AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
      AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
      AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(status_code = 'error', 'error', 'ok')))
    GROUP BY 1, 2, 3, 4
)
SELECT
    period, NULL::TIMESTAMP AS bucket,
    count(DISTINCT session) AS sessions,
    count(DISTINCT person) FILTER (WHERE NOT nobody) AS users,
    count(DISTINCT trace) / count(DISTINCT session) AS turns,
    sum(cost_usd) / count(DISTINCT session) AS cost_per_session,
    count(DISTINCT session) FILTER (WHERE failed) / count(DISTINCT session) AS failed_share
FROM turns_in
GROUP BY period
UNION ALL
SELECT
    period, time_bucket(to_seconds($trend_s), start_time),
    approx_count_distinct(session) AS about,
    approx_count_distinct(person) FILTER (WHERE NOT nobody),
    approx_count_distinct(trace) / greatest(about, 1),
    sum(cost_usd) / greatest(about, 1),
    least(1.0, approx_count_distinct(session) FILTER (WHERE failed) / greatest(about, 1))
FROM turns_in
GROUP BY ALL
ORDER BY period, bucket NULLS FIRST;
