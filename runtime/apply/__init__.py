"""Carries plans out, remembers what is applied, and tells when the world has moved away from it."""
