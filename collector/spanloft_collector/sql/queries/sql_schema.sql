-- Views and columns that can be queried, with their comments.
SELECT columns.table_name, views.comment AS table_comment, column_name, data_type, columns.comment
FROM duckdb_columns() AS columns
LEFT JOIN duckdb_views() AS views ON views.database_name = columns.database_name AND views.view_name = columns.table_name
WHERE NOT columns.internal
ORDER BY columns.table_name, column_index;
