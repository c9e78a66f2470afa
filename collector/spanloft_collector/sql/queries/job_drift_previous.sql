-- Windows of the two months before the last of $days, without those of $days, oldest first.
SELECT day, series_id, series, service_name, model, baseline, status, kind, since, cumulative, window_start, window_end, p_value
FROM drift_windows
WHERE day < list_max($days::DATE[]) AND day >= list_min($days::DATE[]) - INTERVAL 60 DAY
  AND NOT list_contains($days::DATE[], day)
ORDER BY day;
