-- The series that have texts on $days, the busiest first.
SELECT start_time::DATE AS day, side, service_name, operation, model, prompt_name, count(*) AS texts
FROM call_texts
WHERE start_time >= list_min($days::DATE[])::TIMESTAMP
  AND start_time < list_max($days::DATE[])::TIMESTAMP + INTERVAL 1 DAY
  AND list_contains($days::DATE[], start_time::DATE)
GROUP BY ALL
ORDER BY texts DESC, day, side, service_name, operation, model, prompt_name;
