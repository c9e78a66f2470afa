-- How much is in the store, and from when to when. One row; times are NULL in an empty store.
SELECT
    count(*) AS spans,
    min(start_time) AS first_time,
    max(start_time) AS last_time,
    count(*) FILTER (WHERE environment = 'sample') AS sample_spans
FROM spans;
