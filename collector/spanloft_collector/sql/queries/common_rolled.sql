-- How far the job usage has summed calls up: time of ingest, and seconds by which that is behind what is stored. NULL when
-- the job never ran.
SELECT
    make_timestamp(max((watermark ->> '$.until_us')::BIGINT) FILTER (WHERE writer = 'job-usage')) AS rolled_until,
    (max((watermark ->> '$.ingest_us')::BIGINT) - epoch_us(rolled_until)) / 1e6 AS behind_s
FROM store_writers;
