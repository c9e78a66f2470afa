-- Several jobs write alerts, each under its own name. An alert that goes on or ends is written again: the latest counts.
-- Not row_number() = 1: DuckDB 1.5 makes a second look-up of that by file, and takes another file than the one it found.
CREATE VIEW alerts AS
SELECT {columns}
FROM read_parquet('{root}/data/alerts/day=*/*.parquet', filename = true, hive_partitioning = false)
WHERE filename IN (
    SELECT '{root}/' || live.file
    FROM (
        SELECT unnest(from_json(content -> '$.files', '[{{"file": "VARCHAR", "dataset": "VARCHAR"}}]')) AS live
        FROM read_text('{root}/manifest/*.json')
    )
    WHERE live.dataset = 'alerts'
)
QUALIFY updated_at = max(updated_at) OVER (PARTITION BY alert_id);
