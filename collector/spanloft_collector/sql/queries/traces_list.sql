-- Traces that have a matching span: the first $row_limit by $sort_by, with what the whole trace took and cost.
WITH matching AS (
    SELECT trace_id, max(start_time) AS last_time, max(duration_ms) AS longest_ms, sum(cost_usd) AS cost_usd
    FROM spans
    WHERE start_time >= $since AND start_time < $until
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
  AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
  AND ($models IS NULL OR list_contains($models::VARCHAR[], coalesce(response_model, request_model)))
  AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
  AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(status_code = 'error', 'error', 'ok')))
  AND ($search IS NULL OR contains(
      lower(concat_ws(' ', name, input_preview, output_preview, error_type, status_message, user_id, session_id, trace_id, span_id)),
      lower($search)))
    GROUP BY trace_id
),
chosen AS (
    SELECT trace_id, last_time, count(*) OVER () AS total
    FROM matching
    ORDER BY
        CASE $sort_by WHEN 'slowest' THEN longest_ms WHEN 'dearest' THEN cost_usd END DESC NULLS LAST,
        last_time DESC
    LIMIT $row_limit
),
-- Whole traces: their other spans may lie outside the period or match no filter.
whole AS (
    SELECT *
    FROM traces
    WHERE trace_id IN (SELECT trace_id FROM chosen)
)
SELECT
    start_time, name, service_name, duration_ms, spans, llm_calls, input_tokens, output_tokens, cost_usd, unpriced_calls,
    errors, if(errors > 0, 'error', 'ok') AS status, input_preview, output_preview, user_id, session_id, trace_id, total
FROM whole
JOIN chosen USING (trace_id)
ORDER BY
    CASE $sort_by WHEN 'slowest' THEN duration_ms WHEN 'dearest' THEN cost_usd END DESC NULLS LAST,
    start_time DESC;
