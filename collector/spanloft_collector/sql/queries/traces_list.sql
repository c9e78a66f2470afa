-- The traces $chosen, each with what it took and cost as a whole. Their spans lie within a day of $first and $last.
WITH chosen AS (
    SELECT *
    FROM spans
    WHERE list_contains($chosen::VARCHAR[], trace_id)
      AND start_time >= $first::TIMESTAMP - INTERVAL 1 DAY AND start_time < $last::TIMESTAMP + INTERVAL 1 DAY
),
billed AS (
    SELECT *
    FROM chosen
    WHERE operation IN ('chat', 'generate_content', 'text_completion', 'embeddings') AND duplicate_of IS NULL
),
models AS (
    SELECT trace_id, string_agg(model, ', ' ORDER BY output_tokens DESC NULLS LAST, model) AS models
    FROM (SELECT trace_id, model, sum(output_tokens) AS output_tokens FROM billed WHERE model IS NOT NULL GROUP BY ALL)
    GROUP BY trace_id
),
calls AS (
    SELECT
        trace_id, count(*) AS llm_calls, sum(coalesce(input_tokens, 0) + coalesce(output_tokens, 0))::BIGINT AS tokens,
        sum(cost_usd) AS cost_usd,
        count(*) FILTER (WHERE cost_usd IS NULL AND status_code IS DISTINCT FROM 'error') AS unpriced_calls
    FROM billed
    GROUP BY trace_id
),
whole AS (
    SELECT
        trace_id,
        min(start_time) AS start_time,
        date_diff('microsecond', min(start_time), max(start_time + to_microseconds((coalesce(duration_ms, 0) * 1000)::BIGINT)))
            / 1000.0 AS duration_ms,
        coalesce(arg_min(name, start_time) FILTER (WHERE parent_span_id IS NULL), arg_min(name, start_time)) AS name,
        arg_min(service_name, start_time) AS service_name,
        count(*) AS spans,
        count(*) FILTER (WHERE status_code = 'error') AS errors,
        arg_min(session_id, start_time) AS session_id,
        arg_min(user_id, start_time) AS user_id,
        arg_min(input_preview, start_time) AS input_preview,
        arg_max(output_preview, start_time) AS output_preview
    FROM chosen
    GROUP BY trace_id
)
SELECT
    start_time, name, service_name, models, duration_ms, spans, llm_calls, tokens, cost_usd, unpriced_calls,
    concat_ws(
        ' · ', if(errors > 0, errors || ' failed', 'ok'), if(unpriced_calls > 0, 'unpriced', NULL)
    ) AS status,
    input_preview, output_preview, user_id, session_id, trace_id
FROM whole
LEFT JOIN calls USING (trace_id)
LEFT JOIN models USING (trace_id)
ORDER BY list_position($chosen::VARCHAR[], trace_id);
