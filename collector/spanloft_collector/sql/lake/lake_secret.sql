CREATE OR REPLACE SECRET spanloft_lake (
    TYPE ducklake, METADATA_PATH {catalog}, DATA_PATH {data}, METADATA_PARAMETERS MAP {{'SECRET': 'spanloft_catalog'}}
);
