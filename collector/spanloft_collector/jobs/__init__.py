"""Jobs: read what is stored, write what is derived."""
