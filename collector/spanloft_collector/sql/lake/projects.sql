SELECT coalesce(project, 'default') AS project, count(*) FROM lake.stored."{table}" WHERE utc_day = $day::DATE GROUP BY ALL;
