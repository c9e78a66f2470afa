DELETE FROM lake.stored."{table}" WHERE utc_day = $day::DATE;
