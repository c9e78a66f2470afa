-- Sessions of the period (bucket NULL) and of each bucket, beside those of the period before. Ids are counted by their
-- 64-bit hash, which is several times faster; two of a million sessions are mistaken once in forty million times.
-- The buckets, which only draw the trend, are counted to about two percent.
WITH spans_in AS (
    SELECT
        if(start_time >= $since, 'now', 'before') AS period, start_time, status_code, cost_usd,
        hash(session_id) AS session, hash(trace_id) AS trace, if(user_id IS NULL, NULL, hash(user_id)) AS person,
        (operation IN ('chat', 'generate_content', 'text_completion', 'embeddings') AND duplicate_of IS NULL) AS billable
    FROM spans
    WHERE session_id IS NOT NULL AND start_time >= coalesce($before, $since) AND start_time < $until
      AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
      AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
      AND ($models IS NULL OR list_contains($models::VARCHAR[], coalesce(response_model, request_model)))
      AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
      AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(status_code = 'error', 'error', 'ok')))
)
SELECT
    period, NULL::TIMESTAMP AS bucket,
    count(DISTINCT session) AS sessions,
    count(DISTINCT person) AS users,
    count(DISTINCT trace) / count(DISTINCT session) AS turns,
    sum(cost_usd) FILTER (WHERE billable) / count(DISTINCT session) AS cost_per_session,
    count(DISTINCT session) FILTER (WHERE status_code = 'error') / count(DISTINCT session) AS failed_share
FROM spans_in
GROUP BY period
UNION ALL
SELECT
    period, time_bucket(to_seconds($trend_s), start_time),
    approx_count_distinct(session) AS about,
    approx_count_distinct(person),
    approx_count_distinct(trace) / greatest(about, 1),
    sum(cost_usd) FILTER (WHERE billable) / greatest(about, 1),
    least(1.0, approx_count_distinct(session) FILTER (WHERE status_code = 'error') / greatest(about, 1))
FROM spans_in
GROUP BY ALL
ORDER BY period, bucket NULLS FIRST;
