-- Spend by user in the last 30 days
SELECT user_id, count(*) AS calls, sum(input_tokens + output_tokens) AS tokens, sum(cost_usd) AS cost_usd
FROM llm_calls
WHERE start_time > now()::TIMESTAMP - INTERVAL 30 DAY
GROUP BY user_id
ORDER BY cost_usd DESC NULLS LAST
LIMIT 50;
