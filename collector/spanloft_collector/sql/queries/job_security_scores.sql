-- Scores of the last days by origin, as a thousand quantiles: what a rank is read off.
SELECT origin, quantile_cont(score, [i / 1000.0 FOR i IN range(1, 1000)]) AS scores
FROM security_scores
WHERE start_time > $since
GROUP BY origin;
