-- Sessions of the period (bucket NULL) and of each bucket, beside those of the period before.
WITH spans_in AS (
    SELECT *, if(start_time >= $since, 'now', 'before') AS period, (operation IN ('chat', 'generate_content', 'text_completion', 'embeddings') AND duplicate_of IS NULL) AS billable
    FROM spans
    WHERE session_id IS NOT NULL AND start_time >= coalesce($before, $since) AND start_time < $until
      AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
      AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
      AND ($models IS NULL OR list_contains($models::VARCHAR[], coalesce(response_model, request_model)))
      AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
      AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(status_code = 'error', 'error', 'ok')))
)
SELECT
    period,
    time_bucket(to_seconds($trend_s), start_time) AS bucket,
    count(DISTINCT session_id) AS sessions,
    count(DISTINCT user_id) AS users,
    count(DISTINCT trace_id) / count(DISTINCT session_id) AS turns,
    sum(cost_usd) FILTER (WHERE billable) / count(DISTINCT session_id) AS cost_per_session,
    count(DISTINCT session_id) FILTER (WHERE status_code = 'error') / count(DISTINCT session_id) AS failed_share
FROM spans_in
GROUP BY GROUPING SETS ((period), (period, bucket))
ORDER BY period, bucket NULLS FIRST;
