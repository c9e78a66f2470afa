DELETE FROM lake.stored."{table}"
WHERE utc_day = $day::DATE AND list_contains($projects::VARCHAR[], coalesce(project, 'default'));
