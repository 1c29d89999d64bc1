"""Desired and observed, and the plan that leads from one to the other."""
