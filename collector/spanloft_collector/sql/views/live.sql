-- The live files of a dataset. The glob finds the files, the manifests say which of them are live; their paths are
-- relative to the store, so that only the view file has to be written anew when the store moves.
FROM read_parquet({globs}, filename = true, hive_partitioning = false)
WHERE filename IN (
    SELECT '{root}/' || live.file
    FROM (
        SELECT unnest(from_json(content -> '$.files', '[{{"file": "VARCHAR", "dataset": "VARCHAR"}}]')) AS live
        FROM read_text('{root}/manifest/*.json')
    )
    WHERE live.dataset = '{dataset}'
)
