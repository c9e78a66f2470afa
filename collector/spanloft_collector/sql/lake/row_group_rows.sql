CALL lake.set_option('parquet_row_group_size', {rows}, schema => 'stored', table_name => '{table}');
