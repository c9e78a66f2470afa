-- The slowest calls of the period. Which ones they are is found first, so that only those are read whole.
WITH slowest AS (
    SELECT duration_ms
    FROM llm_calls
    WHERE start_time >= $since AND start_time < $until
      AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
      AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
      AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
      AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
      AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(status_code = 'error', 'error', 'ok')))
      AND duration_ms IS NOT NULL
    ORDER BY duration_ms DESC
    LIMIT 25
)
SELECT
    start_time, service_name, coalesce(model, name) AS model, duration_ms, ttft_ms,
    tokens_per_s, output_tokens, if(status_code = 'error', coalesce(error_type, 'error'), 'ok') AS status, trace_id, span_id
FROM llm_calls
WHERE start_time >= $since AND start_time < $until
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
  AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
  AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
  AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
  AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(status_code = 'error', 'error', 'ok')))
  AND duration_ms >= (SELECT min(duration_ms) FROM slowest)
ORDER BY duration_ms DESC
LIMIT 25;
