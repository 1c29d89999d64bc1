"""Bytes to nodes with spans, checked against the published schema."""
