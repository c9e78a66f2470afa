-- All models of the store by provider: what keeps a model's colour the same on every chart.
SELECT provider, coalesce(response_model, request_model) AS model
FROM spans
WHERE coalesce(response_model, request_model) IS NOT NULL
GROUP BY ALL
ORDER BY provider, model;
