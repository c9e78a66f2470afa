CREATE VIEW feedback AS
WITH given AS (
    SELECT
        time, trace_id, span_id, service_name, project,
        attributes ->> '$."gen_ai.response.id"' AS response_id,
        attributes ->> '$."gen_ai.evaluation.name"' AS name,
        TRY_CAST(attributes ->> '$."gen_ai.evaluation.score.value"' AS DOUBLE) AS score,
        attributes ->> '$."gen_ai.evaluation.score.label"' AS label,
        attributes ->> '$."gen_ai.evaluation.explanation"' AS comment,
        attributes ->> '$."user.id"' AS user_id
    FROM logs
    WHERE event_name = 'gen_ai.evaluation.result'
), answered AS (
    SELECT response_id, arg_min(trace_id, start_time) AS trace_id, arg_min(span_id, start_time) AS span_id
    FROM spans
    WHERE duplicate_of IS NULL AND response_id IN (SELECT response_id FROM given WHERE trace_id IS NULL)
    GROUP BY response_id
), named AS (
    SELECT g.* REPLACE (
        coalesce(g.trace_id, a.trace_id) AS trace_id,
        CASE WHEN g.trace_id IS NULL THEN a.span_id ELSE g.span_id END AS span_id
    )
    FROM given AS g
    LEFT JOIN answered AS a ON g.trace_id IS NULL AND g.response_id = a.response_id
)
SELECT time, trace_id, span_id, response_id, name, score, label, comment, user_id, service_name, project
FROM named
QUALIFY row_number() OVER (
    PARTITION BY trace_id, span_id, CASE WHEN trace_id IS NULL THEN response_id END, name, user_id
    ORDER BY time DESC
) = 1;

COMMENT ON VIEW feedback IS 'What people or evaluators thought of an answer; the latest of each call, name and user';
COMMENT ON COLUMN feedback.time IS 'When the feedback was given, UTC';
COMMENT ON COLUMN feedback.trace_id IS 'Trace it is about; found by the response id where only that was given';
COMMENT ON COLUMN feedback.span_id IS 'Span it is about; NULL when it is about the whole trace';
COMMENT ON COLUMN feedback.response_id IS 'Id of the answer, where the feedback names it';
COMMENT ON COLUMN feedback.name IS 'What was judged: user_feedback, or the name of an evaluation';
COMMENT ON COLUMN feedback.score IS 'Score; thumbs are 1 and 0';
COMMENT ON COLUMN feedback.label IS 'Score in words';
COMMENT ON COLUMN feedback.comment IS 'Free text';
COMMENT ON COLUMN feedback.user_id IS 'Who judged';
COMMENT ON COLUMN feedback.service_name IS 'Service that sent the feedback';
