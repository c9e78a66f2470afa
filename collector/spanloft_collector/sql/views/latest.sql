-- What is written again, such as an alert that goes on, or a trace that got a late span: its latest rows count.
-- Not row_number() = 1: DuckDB 1.5 makes a second look-up of that by file, and takes another file than the one it found.
QUALIFY {time} = max({time}) OVER (PARTITION BY {key})
