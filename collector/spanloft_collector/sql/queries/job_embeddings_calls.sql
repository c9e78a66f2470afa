-- Calls ingested in the window with their messages and the best score of what their trace retrieved.
WITH calls AS (
    SELECT
        trace_id, span_id, start_time, service_name, service_version, operation, model, prompt_name, prompt_version,
        user_id, coalesce(session_id, trace_id) AS session_id, input_tokens, output_tokens
    FROM llm_calls
    WHERE ingest_time > $since AND ingest_time <= $until AND operation != 'embeddings'
),
bounds AS (SELECT min(start_time) AS first_time, max(start_time) AS last_time FROM calls),
scores AS (
    SELECT trace_id, max(list_max(TRY_CAST(json_extract_string(retrieval_documents, '$[*].score') AS DOUBLE[]))) AS score
    FROM retrievals
    WHERE trace_id IN (SELECT trace_id FROM calls)
      AND start_time >= (SELECT first_time FROM bounds) - INTERVAL 1 HOUR
      AND start_time <= (SELECT last_time FROM bounds)
    GROUP BY trace_id
)
SELECT c.*, s.score AS retrieval_score, p.input_messages::VARCHAR AS input_messages, p.output_messages::VARCHAR AS output_messages
FROM calls AS c
JOIN payloads AS p USING (trace_id, span_id, start_time)
LEFT JOIN scores AS s USING (trace_id)
WHERE p.start_time >= (SELECT first_time FROM bounds) AND p.start_time <= (SELECT last_time FROM bounds)
  AND (p.input_messages IS NOT NULL OR p.output_messages IS NOT NULL)
ORDER BY c.start_time, c.span_id;
