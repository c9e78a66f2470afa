-- One row per segment that was found, whoever found it. Learned findings count where their text ranks among the highest
-- of its origin: the budget is the share of texts that may be shown.
WITH found AS (
    SELECT
        *,
        CASE WHEN starts_with(detector, 'leak:') THEN 'leaks' WHEN detector = 'learned' THEN 'ranked' ELSE 'alarms' END AS kind,
        list_position(['info', 'low', 'medium', 'high', 'critical'], severity) AS weight
    FROM security_findings
    WHERE start_time >= $since AND start_time < $until
      AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
),
grouped AS (
    SELECT
        max(start_time) AS start_time,
        arg_max(finding_id, score) AS finding_id,
        arg_max(severity, weight) AS severity,
        max(weight) AS weight,
        arg_max(replace(category, '_', ' '), score) AS category,
        replace(origin, '_', ' ') AS origin,
        any_value(outcome) AS outcome,
        arg_max(segment, score) AS segment,
        string_agg(DISTINCT detector, ', ' ORDER BY detector) AS detectors,
        max(score) AS score,
        max(score_rank) AS score_rank,
        any_value(campaign_id) AS campaign_id,
        any_value(user_id) AS user_id,
        any_value(service_name) AS service_name,
        any_value(replace(verdict, '_', ' ')) AS verdict,
        trace_id, span_id
    FROM found
    WHERE kind = $kind AND (kind <> 'ranked' OR score_rank >= 1 - $budget)
      AND weight >= list_position(['info', 'low', 'medium', 'high', 'critical'], $least)
      AND ($origin IS NULL OR found.origin = $origin)
      AND ($outcome IS NULL OR found.outcome = $outcome)
      AND ($campaign IS NULL OR found.campaign_id = $campaign)
      AND ($category IS NULL OR replace(found.category, '_', ' ') = $category)
    GROUP BY trace_id, span_id, origin, segment_start, kind
)
SELECT *, count(*) OVER () AS total
FROM grouped
ORDER BY
    CASE WHEN $kind = 'ranked' THEN score_rank END DESC,
    coalesce(list_position(['suspected', 'successful'], outcome), 0) DESC, weight DESC, start_time DESC
LIMIT $row_limit;
