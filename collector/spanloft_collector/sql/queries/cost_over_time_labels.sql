-- As cost_over_time, by what the app says its calls are for: $group_by is feature, prompt or tag; see the macro.
WITH labels AS (
    FROM labelled_calls(
        $since, $until, $group_by,
        services := $services, providers := $providers, models := $models, operations := $operations, statuses := $statuses
    )
    WHERE cost_usd IS NOT NULL
),
buckets AS (
    SELECT time_bucket(to_seconds($bucket_s), start_time) AS bucket, coalesce(label, 'unknown') AS grouped, sum(cost_usd) AS cost_usd
    FROM (SELECT *, unnest(if(len(names) > 0, names, [NULL])) AS label FROM labels)
    GROUP BY bucket, grouped
),
ranked AS (
    SELECT grouped, row_number() OVER (ORDER BY sum(cost_usd) DESC, grouped) AS place
    FROM buckets
    GROUP BY grouped
)
SELECT bucket, if(place <= 7, grouped, 'other') AS series, sum(cost_usd) AS cost_usd, min(place) AS place
FROM buckets
JOIN ranked USING (grouped)
GROUP BY bucket, series
ORDER BY place, bucket;
