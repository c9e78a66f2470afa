"""Signals: what is computed from texts. Pure: no store, no receiver, no page."""
