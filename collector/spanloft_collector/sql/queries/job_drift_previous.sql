-- Windows of the two months before $day, oldest first.
SELECT day, series_id, series, service_name, model, baseline, status, kind, since, cumulative, window_start, window_end, p_value
FROM drift_windows
WHERE day < $day AND day >= $day::DATE - INTERVAL 60 DAY
ORDER BY day;
