"""Diagnostics in the formats of those who read them: programs, code scanners, forges."""
