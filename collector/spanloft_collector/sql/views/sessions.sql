CREATE VIEW sessions AS
SELECT
    session_id,
    min(start_time) AS start_time,
    max(start_time) AS last_call_time,
    arg_min(service_name, start_time) AS service_name,
    arg_min(user_id, start_time) AS user_id,
    count(DISTINCT trace_id) AS traces,
    count(*) FILTER (WHERE operation IN ('chat', 'generate_content', 'text_completion', 'embeddings') AND duplicate_of IS NULL)
        AS llm_calls,
    count(*) FILTER (WHERE status_code = 'error') AS errors,
    sum(cost_usd) FILTER (WHERE duplicate_of IS NULL) AS cost_usd,
    arg_min(input_preview, start_time) AS input_preview
FROM spans
WHERE session_id IS NOT NULL
GROUP BY session_id;

COMMENT ON VIEW sessions IS 'One row per session or conversation';
COMMENT ON COLUMN sessions.start_time IS 'Start of the first span of the session, UTC';
COMMENT ON COLUMN sessions.last_call_time IS 'Start of the last span of the session, UTC';
COMMENT ON COLUMN sessions.traces IS 'Number of traces';
COMMENT ON COLUMN sessions.llm_calls IS 'Number of billable calls, duplicates removed';
COMMENT ON COLUMN sessions.errors IS 'Number of failed spans';
COMMENT ON COLUMN sessions.cost_usd IS 'Cost of the calls that could be priced; NULL when none could';
