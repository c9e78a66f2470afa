-- Texts of some traces, oldest span first. A span that another one counts already repeats its texts and is left out.
SELECT
    s.trace_id, s.span_id, s.start_time, s.operation, s.tool_name, s.status_code, s.service_name, s.user_id, s.session_id, s.tags,
    p.input_messages::VARCHAR AS input_messages, p.output_messages::VARCHAR AS output_messages,
    p.system_instructions::VARCHAR AS system_instructions, p.tool_arguments::VARCHAR AS tool_arguments,
    p.tool_result::VARCHAR AS tool_result, p.retrieval_documents::VARCHAR AS retrieval_documents
FROM spans AS s
JOIN payloads AS p USING (trace_id, span_id, start_time)
WHERE s.trace_id IN (SELECT unnest($trace_ids::VARCHAR[]))
  AND s.start_time BETWEEN $first AND $last AND p.start_time BETWEEN $first AND $last
  AND s.ingest_time <= $until AND s.duplicate_of IS NULL
ORDER BY s.trace_id, s.start_time, s.span_id;
