-- Microseconds since 1970 by the clock that all writers share.
SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS stamp_us
