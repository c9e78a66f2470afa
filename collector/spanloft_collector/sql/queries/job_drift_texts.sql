-- Texts of a series from $first up to, not including, $last, with their vectors: whole sessions, chosen by chance where
-- there are more than $rows. Without $model, texts of every model.
WITH texts AS (
    SELECT *
    FROM call_texts
    WHERE start_time >= $first::TIMESTAMP AND start_time < $last::TIMESTAMP
      AND side = $side
      AND service_name IS NOT DISTINCT FROM $service_name
      AND operation IS NOT DISTINCT FROM $operation
      AND prompt_name IS NOT DISTINCT FROM $prompt_name
      AND ($any_model OR model IS NOT DISTINCT FROM $model)
    QUALIFY start_time = min(start_time) OVER (PARTITION BY trace_id, span_id)
    ORDER BY hash(session_id), start_time
    LIMIT $rows
),
vectors AS (
    SELECT text_key, any_value(text) AS text, any_value(vector) AS vector
    FROM text_vectors
    WHERE start_time >= $first::TIMESTAMP - INTERVAL 1 DAY AND start_time < $last::TIMESTAMP + INTERVAL 1 DAY
      AND text_key IN (SELECT text_key FROM texts)
      AND embedding_model = $embedding_model AND embedding_version = $embedding_version
      AND quantization = $quantization
    GROUP BY text_key
)
SELECT
    t.trace_id, t.span_id, t.start_time, t.session_id, t.user_id, t.model, t.prompt_version, t.service_version,
    t.characters, t.tokens, t.language, t.refusal, t.tool_calls, t.retrieval_score, t.text_key, v.text, v.vector
FROM texts AS t
JOIN vectors AS v USING (text_key)
ORDER BY t.start_time, t.span_id;
