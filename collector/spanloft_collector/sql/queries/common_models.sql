-- All models of the store by provider: what keeps a model's colour the same on every chart. The model that answered
-- counts; the one that was asked for only where no answer names one.
SELECT DISTINCT provider, model
FROM spans
WHERE response_model IS NOT NULL OR (request_model IS NOT NULL AND status_code IS DISTINCT FROM 'error')
ORDER BY provider, model;
