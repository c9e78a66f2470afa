-- Values to filter by in the period, with their spans: the most frequent sixty of each facet.
WITH counted AS (
    SELECT
        service_name AS service, provider, model, operation,
        if(status_code = 'error', 'error', 'ok') AS status, count(*) AS spans
    FROM spans
    WHERE start_time >= $since AND start_time < $until
    GROUP BY ALL
),
facets AS (UNPIVOT counted ON service, provider, model, operation, status INTO NAME facet VALUE value)
SELECT facet, value, sum(spans)::BIGINT AS spans
FROM facets
GROUP BY facet, value
QUALIFY row_number() OVER (PARTITION BY facet ORDER BY sum(spans) DESC, value) <= 60
ORDER BY facet, spans DESC, value;
