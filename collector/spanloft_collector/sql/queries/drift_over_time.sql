-- Effect of a series' windows against one baseline, with its interval, in the period.
SELECT window_end AS bucket, window_start, effect, effect_low, effect_high, status, p_value
FROM drift_windows
WHERE series_id = $series_id AND baseline = $baseline AND window_end >= $since AND window_end < $until
  AND effect IS NOT NULL
ORDER BY window_end
LIMIT 500;
