-- Vectors that there are of these texts by this model, one each, and the days that have them.
SELECT text_key, any_value(vector) AS vector, list(DISTINCT start_time::DATE) AS days
FROM text_vectors
WHERE text_key IN (SELECT unnest($keys::VARCHAR[]))
  AND embedding_model = $model AND embedding_version = $version AND quantization = $quantization
GROUP BY text_key;
