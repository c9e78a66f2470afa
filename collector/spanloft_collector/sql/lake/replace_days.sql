DELETE FROM lake.stored."{table}" WHERE writer = $writer AND utc_day IN (SELECT unnest($days::DATE[]));
