-- Cost by day and model, from the daily rollup
SELECT day, model, sum(calls) AS calls, sum(unpriced_calls) AS unpriced_calls, sum(cost_usd) AS cost_usd
FROM cost_daily
GROUP BY ALL
ORDER BY day DESC, cost_usd DESC NULLS LAST
LIMIT 200;
