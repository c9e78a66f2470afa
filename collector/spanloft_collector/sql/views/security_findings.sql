-- Findings with what people said of them: verdicts are log events, the latest counts.
CREATE VIEW security_findings AS
WITH judged AS (
    SELECT
        attributes ->> '$."spanloft.finding.id"' AS finding_id,
        arg_max(attributes ->> '$."gen_ai.evaluation.score.label"', time) AS verdict,
        arg_max(attributes ->> '$."gen_ai.evaluation.explanation"', time) AS verdict_comment,
        arg_max(attributes ->> '$."user.id"', time) AS verdict_by,
        max(time) AS verdict_time
    FROM logs
    WHERE event_name = 'spanloft.security.verdict'
    GROUP BY ALL
)
SELECT d.*, judged.verdict, judged.verdict_comment, judged.verdict_by, judged.verdict_time
FROM security_detections AS d
LEFT JOIN judged USING (finding_id);

COMMENT ON VIEW security_findings IS 'Attacks, what they achieved, leaks; with the verdict of a person where there is one';
COMMENT ON COLUMN security_findings.verdict IS 'What a person said of it: true_alarm, false_alarm; NULL when nobody judged';
COMMENT ON COLUMN security_findings.verdict_comment IS 'What the person wrote';
COMMENT ON COLUMN security_findings.verdict_by IS 'Who judged';
COMMENT ON COLUMN security_findings.verdict_time IS 'When it was judged, UTC';
