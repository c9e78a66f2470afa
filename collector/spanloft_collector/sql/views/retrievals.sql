CREATE VIEW retrievals AS
SELECT
    s.trace_id, s.span_id, s.parent_span_id, s.name, s.start_time, s.duration_ms, s.service_name,
    s.status_code, s.error_type, s.user_id, s.session_id,
    p.retrieval_query, p.retrieval_documents,
    json_array_length(p.retrieval_documents) AS documents
FROM spans AS s
LEFT JOIN payloads AS p USING (trace_id, span_id, start_time)
WHERE s.operation IN ('retrieval', 'rerank');

COMMENT ON VIEW retrievals IS 'Retrieval and reranking steps, with the documents they returned';
COMMENT ON COLUMN retrievals.documents IS 'Number of documents returned';
