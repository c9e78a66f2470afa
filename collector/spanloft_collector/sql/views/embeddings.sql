CREATE VIEW embeddings AS
SELECT
    c.trace_id, c.span_id, c.start_time, c.side, c.service_name, c.service_version, c.operation, c.model, c.prompt_name,
    c.prompt_version, c.user_id, c.session_id, c.characters, c.tokens, c.language, c.refusal, c.tool_calls,
    c.retrieval_score, c.text_key, v.embedding_model, v.embedding_version, v.quantization, v.text, v.vector
FROM call_texts AS c
JOIN text_vectors AS v ON v.text_key = c.text_key AND v.start_time::DATE = c.start_time::DATE
QUALIFY row_number() OVER (
    PARTITION BY c.trace_id, c.span_id, c.start_time, c.side, v.embedding_model, v.embedding_version, v.quantization
    ORDER BY v.embedded_at
) = 1;

COMMENT ON VIEW embeddings IS 'One row for each text of a call and each model that embedded it, with its vector';
