CREATE VIEW tool_calls AS
SELECT
    s.trace_id, s.span_id, s.parent_span_id, s.name, s.start_time, s.duration_ms, s.service_name,
    s.tool_name, s.tool_call_id, s.agent_name, s.status_code, s.error_type, s.user_id, s.session_id,
    p.tool_arguments, p.tool_result
FROM spans AS s
LEFT JOIN payloads AS p USING (trace_id, span_id, start_time)
WHERE s.operation = 'execute_tool';

COMMENT ON VIEW tool_calls IS 'Tools that ran, with their arguments and results';
