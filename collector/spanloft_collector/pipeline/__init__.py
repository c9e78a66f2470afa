"""From journal records to tables: decode, dialect, usage, price, duplicates, previews, publish."""
