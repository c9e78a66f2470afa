-- The lock's key is the second in which it was asked for; the stamp is taken once the lock is held.
SELECT pg_advisory_lock_shared(%(space)s, extract(epoch FROM clock_timestamp())::int) IS NULL AS locked
