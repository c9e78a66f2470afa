-- Single spans that match: model calls or spans of every kind, the first $row_limit by $sort_by.
SELECT
    start_time, name, service_name, model, duration_ms, ttft_ms,
    input_tokens, output_tokens, cost_usd, price_source, error_type, if(status_code = 'error', coalesce(error_type, 'failed'), 'ok') AS status,
    input_preview, output_preview, trace_id, span_id
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
  AND ($kind != 'calls' OR (operation IN ('chat', 'generate_content', 'text_completion', 'embeddings') AND duplicate_of IS NULL))
ORDER BY
    CASE $sort_by WHEN 'slowest' THEN duration_ms WHEN 'dearest' THEN cost_usd END DESC NULLS LAST,
    start_time DESC
LIMIT $row_limit;
