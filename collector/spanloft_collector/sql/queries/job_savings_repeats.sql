-- Calls ingested in the window whose request was made before, at most $ttl_s seconds earlier: the same in every character
-- (exact), or in its words but not in case, marks and blanks (near). The request is everything that decides the answer:
-- model, limits, instructions, tools and messages.
WITH calls AS (
    SELECT
        s.trace_id, s.span_id, s.start_time, s.service_name, s.provider, s.model, s.operation, s.input_preview, s.cost_usd,
        coalesce(s.input_tokens, 0) + coalesce(s.output_tokens, 0) AS tokens,
        s.ingest_time > $since AND s.ingest_time <= $until AS fresh,
        concat_ws(
            chr(31), s.model, s.operation, s.temperature, s.max_tokens, p.system_instructions::VARCHAR,
            p.tool_definitions::VARCHAR, p.input_messages::VARCHAR
        ) AS request
    FROM llm_calls AS s
    JOIN (FROM payloads WHERE start_time >= $first AND start_time <= $last) AS p USING (trace_id, span_id, start_time)
    WHERE s.start_time >= $first AND s.start_time <= $last AND s.ingest_time <= $until
      AND p.input_messages IS NOT NULL AND s.status_code IS DISTINCT FROM 'error'
),
keyed AS (
    SELECT
        * EXCLUDE (request), md5(request) AS exact_key,
        md5(trim(regexp_replace(lower(request), '[^\p{L}\p{N}]+', ' ', 'g'))) AS near_key
    FROM calls
),
compared AS (
    SELECT
        *,
        lag({'t': trace_id, 's': span_id, 'at': start_time}) OVER same AS exact_of,
        lag({'t': trace_id, 's': span_id, 'at': start_time}) OVER alike AS near_of
    FROM keyed
    WINDOW
        same AS (PARTITION BY exact_key ORDER BY start_time, span_id),
        alike AS (PARTITION BY near_key ORDER BY start_time, span_id)
),
found AS (
    SELECT
        *, exact_of IS NOT NULL AND exact_of.at >= start_time - to_seconds($ttl_s) AS is_exact,
        if(is_exact, exact_of, near_of) AS earlier
    FROM compared
    WHERE fresh
)
SELECT
    trace_id, span_id, start_time, if(is_exact, 'exact', 'near') AS kind, service_name, provider, model, operation,
    input_preview, earlier.t AS of_trace_id, earlier.s AS of_span_id,
    date_diff('microsecond', earlier.at, start_time) / 1000.0 AS age_ms,
    tokens AS saved_tokens, cost_usd AS saved_usd
FROM found
WHERE earlier IS NOT NULL AND earlier.at >= start_time - to_seconds($ttl_s);
