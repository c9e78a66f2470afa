-- The turns of a session in order, one trace each: what went in, what came out, what it took. At most 500.
SELECT
    trace_id,
    min(start_time) AS start_time,
    date_diff('microsecond', min(start_time), max(start_time + to_microseconds((coalesce(duration_ms, 0) * 1000)::BIGINT)))
        / 1000.0 AS duration_ms,
    coalesce(arg_min(name, start_time) FILTER (WHERE parent_span_id IS NULL), arg_min(name, start_time)) AS name,
    arg_min(service_name, start_time) AS service_name,
    arg_min(user_id, start_time) AS user_id,
    count(*) FILTER (WHERE operation IN ('chat', 'generate_content', 'text_completion', 'embeddings') AND duplicate_of IS NULL) AS llm_calls,
    (sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0)) FILTER (WHERE operation IN ('chat', 'generate_content', 'text_completion', 'embeddings') AND duplicate_of IS NULL))::BIGINT AS tokens,
    sum(cost_usd) FILTER (WHERE operation IN ('chat', 'generate_content', 'text_completion', 'embeddings') AND duplicate_of IS NULL) AS cost_usd,
    count(*) FILTER (WHERE operation IN ('chat', 'generate_content', 'text_completion', 'embeddings') AND duplicate_of IS NULL AND cost_usd IS NULL AND status_code IS DISTINCT FROM 'error') AS unpriced_calls,
    count(*) FILTER (WHERE status_code = 'error') AS errors,
    arg_min(input_preview, start_time) AS input_preview,
    coalesce(
        arg_min(output_preview, start_time) FILTER (WHERE parent_span_id IS NULL),
        arg_max(output_preview, start_time)
    ) AS output_preview,
    count(*) OVER () AS total
FROM spans
WHERE session_id = $session_id
GROUP BY trace_id
ORDER BY start_time
LIMIT 500;
