"""Nodes to a typed hub: decoded, templates filled in, every name bound."""
