-- Each embedded side of a call with the verdict on its series: of each baseline the first window that ends after the call.
-- example_topics are those of the topics that have the call among their examples.
WITH texts AS (
    SELECT DISTINCT side, service_name, operation, model, prompt_name
    FROM call_texts
    WHERE start_time = $at AND trace_id = $trace_id AND span_id = $span_id
),
windows AS (
    SELECT w.*
    FROM drift_windows AS w
    JOIN texts AS t
      ON w.side = t.side AND w.service_name IS NOT DISTINCT FROM t.service_name
      AND w.operation IS NOT DISTINCT FROM t.operation AND w.model IS NOT DISTINCT FROM t.model
      AND w.prompt_name IS NOT DISTINCT FROM t.prompt_name
    WHERE w.window_start <= $at AND w.window_end >= $at
    QUALIFY row_number() OVER (PARTITION BY w.side, w.baseline ORDER BY w.window_end, w.computed_at DESC) = 1
),
grown AS (
    SELECT
        window_id, day, list(topic ORDER BY rank) AS topics,
        list(topic ORDER BY rank) FILTER (WHERE contains(examples::VARCHAR, concat('"', $span_id::VARCHAR, '"'))) AS example_topics
    FROM drift_topics
    WHERE change != 'shrank' AND window_id IN (SELECT window_id FROM windows)
    GROUP BY ALL
)
SELECT
    t.side, w.window_id, w.series, w.baseline, w.status, w.reason, w.kind, w.q_value, w.effect, w.since, w.window_start,
    w.window_end, g.topics, g.example_topics
FROM texts AS t
LEFT JOIN windows AS w USING (side)
LEFT JOIN grown AS g USING (window_id, day)
ORDER BY t.side, w.baseline;
