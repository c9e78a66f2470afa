SELECT {columns} FROM lake.stored."{table}" WHERE utc_day = $day::DATE ORDER BY "{table}".time;
