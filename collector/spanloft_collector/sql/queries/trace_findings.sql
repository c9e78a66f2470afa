-- Findings in the texts of one span, and those elsewhere in its trace whose outcome it shows; the worst first.
SELECT
    finding_id, severity, category, origin, segment, detector, detector_version, score, score_rank, outcome,
    evidence ->> '$.match' AS match, verdict, span_id = $span_id AS is_here, count(*) OVER () AS total
FROM security_findings
WHERE trace_id = $trace_id
  AND start_time >= $at::TIMESTAMP - INTERVAL 1 DAY AND start_time < $at::TIMESTAMP + INTERVAL 1 DAY
  AND (span_id = $span_id OR contains(chain::VARCHAR, concat('"', $span_id::VARCHAR, '"')))
ORDER BY
    is_here DESC, outcome = 'successful' DESC NULLS LAST,
    list_position(['info', 'low', 'medium', 'high', 'critical'], severity) DESC, score DESC, finding_id
LIMIT 20;
