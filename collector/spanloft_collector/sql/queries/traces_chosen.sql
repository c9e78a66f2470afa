-- Which traces to list: those with a matching span, the first $row_limit by $sort_by, and how many there are in all.
SELECT
    trace_id, min(start_time) AS first_time, max(start_time) AS last_time, max(duration_ms) AS longest_ms,
    sum(cost_usd) AS spent_usd, count(*) OVER () AS total
FROM spans
WHERE start_time >= $since AND start_time < $until
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
  AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
  AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
  AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
  AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(status_code = 'error', 'error', 'ok')))
  AND ($search IS NULL OR contains(
      lower(concat_ws(
          ' ', name, input_preview, output_preview, error_type, status_message, user_id, session_id, trace_id, span_id, prompt_name,
          array_to_string(tags, ' ')
      )),
      lower($search)))
GROUP BY trace_id
ORDER BY
    CASE $sort_by WHEN 'slowest' THEN longest_ms WHEN 'dearest' THEN spent_usd END DESC NULLS LAST,
    last_time DESC
LIMIT $row_limit;
