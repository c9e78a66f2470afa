-- Sessions of $chosen, in its order, with what their matching spans between $first and $last add up to.
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
    arg_min(input_preview, start_time) AS input_preview
FROM spans
WHERE session_id IN (SELECT unnest($chosen::VARCHAR[])) AND start_time >= $first::TIMESTAMP AND start_time <= $last::TIMESTAMP
  AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
  AND ($providers IS NULL OR list_contains($providers::VARCHAR[], provider))
  AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
  AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
  AND ($statuses IS NULL OR list_contains($statuses::VARCHAR[], if(status_code = 'error', 'error', 'ok')))
  AND ($search IS NULL OR contains(lower(concat_ws(' ', session_id, user_id, input_preview, output_preview)), lower($search)))
GROUP BY session_id
ORDER BY list_position($chosen::VARCHAR[], session_id);
