-- Up to when everything is visible: nobody who publishes now has taken a stamp before this. Locks are listed for every
-- role; a writer that dies loses its lock, and a commit that was under way then is covered by the margin.
SELECT (
    least(
        min(objid::bigint) * 1000000,
        (extract(epoch FROM clock_timestamp()) * 1000000)::bigint - %(margin_us)s
    )
) AS until_us
FROM pg_locks
WHERE locktype = 'advisory' AND classid::bigint = %(space)s AND objsubid = 2
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
