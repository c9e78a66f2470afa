-- Errors by provider and type
SELECT provider, error_type, count(*) AS calls, max(start_time) AS last_seen, any_value(status_message) AS example
FROM llm_calls
WHERE status_code = 'error'
GROUP BY ALL
ORDER BY calls DESC;
