"""Semantic drift: has a window of texts changed against its baseline, how sure is that, and what moved. No store."""
