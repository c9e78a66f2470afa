-- A trace that gets a late span is judged again: its latest rows count.
CREATE VIEW security_detections AS
SELECT {columns}
FROM read_parquet('{root}/data/security_detections/day=*/*.parquet', filename = true, hive_partitioning = false)
WHERE filename IN (
    SELECT '{root}/' || live.file
    FROM (
        SELECT unnest(from_json(content -> '$.files', '[{{"file": "VARCHAR", "dataset": "VARCHAR"}}]')) AS live
        FROM read_text('{root}/manifest/*.json')
    )
    WHERE live.dataset = 'security_detections'
)
QUALIFY detected_at = max(detected_at) OVER (PARTITION BY trace_id);
