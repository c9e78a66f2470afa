-- What the store holds: files, rows and bytes by dataset, from the manifests at $manifests.
SELECT
    live.dataset AS dataset, count(*) AS files, sum(live.rows)::BIGINT AS rows, sum(live.bytes)::BIGINT AS bytes,
    min(live.day) AS first_day, max(live.day) AS last_day
FROM (
    SELECT unnest(from_json(
        content -> '$.files', '[{"dataset": "VARCHAR", "day": "VARCHAR", "rows": "BIGINT", "bytes": "BIGINT"}]'
    )) AS live
    FROM read_text($manifests)
)
GROUP BY live.dataset
ORDER BY bytes DESC;
