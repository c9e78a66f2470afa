"""Stores: where spans and signals live, and how they are published and read."""
