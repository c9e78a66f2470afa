-- One view per dataset. The glob finds the files, the manifests say which of them are live.
CREATE VIEW "{dataset}" AS
SELECT {columns}
FROM read_parquet('{root}/data/{dataset}/day=*/*.parquet', filename = true, hive_partitioning = false)
WHERE filename IN (
    SELECT file FROM read_parquet('{root}/manifest/*.parquet', hive_partitioning = false) WHERE dataset = '{dataset}'
);
