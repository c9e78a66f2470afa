-- All spans of a trace in order, at most ten thousand. $near, a time close to it, spares a scan of every day.
SELECT
    trace_id, span_id, parent_span_id, name, kind, start_time, duration_ms, status_code, status_message, error_type,
    service_name, service_version, environment, scope_name, scope_version, dialect, operation, provider, request_model, response_model,
    response_id, finish_reason, is_stream, max_tokens, temperature, input_tokens, output_tokens, cache_read_tokens,
    cache_write_tokens, reasoning_tokens, token_semantics, usage_source, cost_usd, price_source, price_version,
    reported_cost_usd, service_tier, ttft_ms, user_id, session_id, tags, prompt_name, prompt_version, tool_name,
    agent_name, server_address, duplicate_of, duplicate_rule, ingest_time, count(*) OVER () AS total
FROM spans
WHERE trace_id = $trace_id
  AND ($near IS NULL OR (start_time >= $near::TIMESTAMP - INTERVAL 1 DAY AND start_time < $near::TIMESTAMP + INTERVAL 1 DAY))
ORDER BY start_time, duration_ms DESC
LIMIT 10000;
