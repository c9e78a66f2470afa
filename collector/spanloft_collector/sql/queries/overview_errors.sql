-- Failed calls of the period, newest first. They are counted apart, so that only those listed are read whole.
WITH counted AS (
    SELECT count(*) AS total
    FROM llm_calls
    WHERE start_time >= $since AND start_time < $until
      AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
      AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
      AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
      AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
      AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(status_code = 'error', 'error', 'ok')))
      AND status_code = 'error'
)
SELECT
    start_time, service_name, coalesce(model, name) AS model, error_type, status_message, trace_id, span_id,
    (SELECT total FROM counted) AS total
FROM llm_calls
WHERE start_time >= $since AND start_time < $until
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
  AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
  AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
  AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
  AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(status_code = 'error', 'error', 'ok')))
  AND status_code = 'error'
ORDER BY start_time DESC
LIMIT 50;
