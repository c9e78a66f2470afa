-- Each series' latest window of the period against each of its baselines: drifts first, the surest first.
WITH latest AS (
    SELECT *
    FROM drift_windows
    WHERE window_end >= $since AND window_end < $until
      AND ($services IS NULL OR list_contains($services::VARCHAR[], service_name))
      AND ($models IS NULL OR list_contains($models::VARCHAR[], model))
      AND ($operations IS NULL OR list_contains($operations::VARCHAR[], operation))
    QUALIFY window_end = max(window_end) OVER (PARTITION BY series_id, baseline)
),
grown AS (
    SELECT window_id, day, arg_min(topic, rank) AS topic
    FROM drift_topics
    WHERE change != 'shrank'
    GROUP BY ALL
)
SELECT
    window_id, series_id, l.day, series, side, service_name, operation, model, prompt_name, baseline, status,
    kind, p_value, q_value, effect, since, n_window, n_baseline, topic, window_end, count(*) OVER () AS total
FROM latest AS l
LEFT JOIN grown AS g USING (window_id, day)
ORDER BY status = 'drifted' DESC, status = 'no drift' DESC, q_value NULLS LAST, series, baseline
LIMIT 200;
