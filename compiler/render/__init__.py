"""Desired state as files for other tools."""
