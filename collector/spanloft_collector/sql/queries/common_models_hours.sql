-- As common_models, from sums by the hour: the models of the calls that worked.
SELECT DISTINCT provider, model
FROM usage_between($since::TIMESTAMP, $until::TIMESTAMP, $rolled_until::TIMESTAMP)
WHERE model IS NOT NULL AND NOT failed
ORDER BY provider, model;
