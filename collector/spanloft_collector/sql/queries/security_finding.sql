-- A finding, and the others on the same segment.
SELECT other.*
FROM security_findings AS one
JOIN security_findings AS other USING (trace_id, span_id, origin)
WHERE one.finding_id = $finding
  AND other.segment_start < one.segment_end AND other.segment_end > one.segment_start
ORDER BY (other.finding_id = one.finding_id) DESC, other.score DESC
LIMIT 20;
