-- Calls of the period that used one version, the first $row_limit by $sort_by.
SELECT start_time, service_name, model, duration_ms, input_tokens, output_tokens, cost_usd,
    if(failed, 'failed', 'ok') AS status, trace_id, span_id, count(*) OVER () AS total
FROM prompt_calls
WHERE version_id = $version_id AND start_time >= $since AND start_time < $until
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
  AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
  AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
  AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
  AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(failed, 'error', 'ok')))
  AND ($sort_by != 'failed' OR failed)
ORDER BY
    CASE $sort_by WHEN 'slowest' THEN duration_ms WHEN 'dearest' THEN cost_usd END DESC NULLS LAST, start_time DESC
LIMIT $row_limit;
