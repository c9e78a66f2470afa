"""How the rows of a dataset are laid out in files, whatever kind of store holds them."""

from __future__ import annotations

TIME_COLUMN = {
    "cost_daily": "day",
    "latency_minute": "minute",
    "usage_hourly": "hour",
    "ingest_health": "minute",
    "logs": "time",
    "metrics": "time",
    "alerts": "time",
    "prompt_versions": "first_time",
    "drift_windows": "day",
    "drift_topics": "day",
}
"""Column that decides a row's day partition; ``start_time`` where nothing is said."""

ROW_GROUP_ROWS = {"payloads": 8_192}
DEFAULT_ROW_GROUP_ROWS = 61_440


def row_group_rows(dataset: str) -> int:
    """Rows of a row group; what a reader decodes at once."""
    return ROW_GROUP_ROWS.get(dataset, DEFAULT_ROW_GROUP_ROWS)


def fills_row_groups(dataset: str, rows: int) -> bool:
    """Whether a file of ``rows`` rows has row groups of about the size that the dataset should have."""
    return rows >= row_group_rows(dataset) // 2
