-- Calls from $first to $last whose last message came from a user and was embedded, with a key of everything else that
-- decides the answer: service, model, limits, instructions, tools and the messages before. Only those that share it with
-- a call that is fresh: ingested after $since and up to $until, and not spared by a cache of exact or near repeats.
WITH texts AS (
    SELECT trace_id, span_id, any_value(text_key) AS text_key
    FROM call_texts
    WHERE start_time >= $first AND start_time <= $last AND side = 'input' AND characters <= $max_characters
    GROUP BY trace_id, span_id
),
spared AS (
    SELECT DISTINCT trace_id, span_id
    FROM savings
    WHERE start_time >= $first AND start_time <= $last AND kind IN ('exact', 'near')
),
calls AS (
    SELECT
        s.trace_id, s.span_id, s.start_time, s.service_name, s.provider, s.model, s.operation, s.input_preview, s.cost_usd,
        coalesce(s.input_tokens, 0) + coalesce(s.output_tokens, 0) AS tokens,
        s.ingest_time > $since AND s.ingest_time <= $until AND spared.span_id IS NULL AS fresh,
        t.text_key,
        md5(concat_ws(
            chr(31), s.service_name, s.model, s.operation, s.temperature, s.max_tokens, p.system_instructions::VARCHAR,
            p.tool_definitions::VARCHAR, (TRY_CAST(p.input_messages AS JSON[]))[:-2]::VARCHAR
        )) AS context_key
    FROM llm_calls AS s
    JOIN (FROM payloads WHERE start_time >= $first AND start_time <= $last) AS p USING (trace_id, span_id, start_time)
    JOIN texts AS t USING (trace_id, span_id)
    LEFT JOIN spared USING (trace_id, span_id)
    WHERE s.start_time >= $first AND s.start_time <= $last AND s.ingest_time <= $until
      AND s.status_code IS DISTINCT FROM 'error' AND (p.input_messages ->> '$[#-1].role') = 'user'
)
SELECT *
FROM calls
WHERE context_key IN (SELECT context_key FROM calls WHERE fresh)
ORDER BY context_key, start_time, span_id;
