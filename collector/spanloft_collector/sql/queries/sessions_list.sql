-- Sessions with a matching span: the first $row_limit by $sort_by, and how many there are in all.
SELECT
    session_id,
    min(start_time) AS start_time,
    max(start_time) AS last_time,
    date_diff('microsecond', min(start_time), max(start_time + to_microseconds((coalesce(duration_ms, 0) * 1000)::BIGINT)))
        / 1000.0 AS length_ms,
    arg_min(user_id, start_time) AS user_id,
    arg_min(service_name, start_time) AS service_name,
    count(DISTINCT trace_id) AS turns,
    count(*) FILTER (WHERE operation IN ('chat', 'generate_content', 'text_completion', 'embeddings') AND duplicate_of IS NULL) AS llm_calls,
    (sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) FILTER (WHERE operation IN ('chat', 'generate_content', 'text_completion', 'embeddings') AND duplicate_of IS NULL))::BIGINT AS tokens,
    sum(cost_usd) FILTER (WHERE operation IN ('chat', 'generate_content', 'text_completion', 'embeddings') AND duplicate_of IS NULL) AS cost_usd,
    if(count(*) FILTER (WHERE status_code = 'error') > 0, count(*) FILTER (WHERE status_code = 'error') || ' failed', 'ok')
        AS status,
    arg_min(input_preview, start_time) AS input_preview,
    count(*) OVER () AS total
FROM spans
WHERE session_id IS NOT NULL AND start_time >= $since AND start_time < $until
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
  AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
  AND ($models IS NULL OR list_contains($models::VARCHAR[], coalesce(response_model, request_model)))
  AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
  AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(status_code = 'error', 'error', 'ok')))
  AND ($search IS NULL OR contains(lower(concat_ws(' ', session_id, user_id, input_preview, output_preview)), lower($search)))
GROUP BY session_id
ORDER BY
    CASE $sort_by WHEN 'longest' THEN length_ms WHEN 'dearest' THEN sum(cost_usd) FILTER (WHERE operation IN ('chat', 'generate_content', 'text_completion', 'embeddings') AND duplicate_of IS NULL) END DESC NULLS LAST,
    last_time DESC
LIMIT $row_limit;
