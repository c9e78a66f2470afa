-- One window with everything that is said about it.
SELECT * REPLACE (changes::VARCHAR AS changes, form::VARCHAR AS form, numbers::VARCHAR AS numbers, map::VARCHAR AS map)
FROM drift_windows
WHERE window_id = $window_id;
