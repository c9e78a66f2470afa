-- The series that have texts on $day, the busiest first.
SELECT side, service_name, operation, model, prompt_name, count(*) AS texts
FROM call_texts
WHERE start_time >= $day::TIMESTAMP AND start_time < $day::TIMESTAMP + INTERVAL 1 DAY
GROUP BY ALL
ORDER BY texts DESC, side, service_name, operation, model, prompt_name;
