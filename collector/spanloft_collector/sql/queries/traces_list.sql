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
models AS (
    SELECT trace_id, string_agg(model, ', ' ORDER BY output_tokens DESC NULLS LAST, model) AS models
    FROM (
        SELECT trace_id, coalesce(response_model, request_model) AS model, sum(output_tokens) AS output_tokens
        FROM spans
        WHERE trace_id IN (SELECT trace_id FROM chosen) AND coalesce(response_model, request_model) IS NOT NULL
        GROUP BY ALL
    )
    GROUP BY trace_id
)
SELECT
    start_time, name, service_name, models, duration_ms, spans, llm_calls,
    (coalesce(input_tokens, 0) + output_tokens)::BIGINT AS tokens, cost_usd, unpriced_calls,
    concat_ws(' · ', if(errors > 0, errors || ' failed', 'ok'), if(unpriced_calls > 0, 'unpriced', NULL)) AS status,
    input_preview, output_preview, user_id, session_id, trace_id, total
FROM traces
JOIN chosen USING (trace_id)
LEFT JOIN models USING (trace_id)
WHERE trace_id IN (SELECT trace_id FROM chosen)
ORDER BY
    CASE $sort_by WHEN 'slowest' THEN duration_ms WHEN 'dearest' THEN cost_usd END DESC NULLS LAST,
    start_time DESC;
