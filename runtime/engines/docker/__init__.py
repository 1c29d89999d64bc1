"""Servers as hardened containers, asked for over the Docker Engine API (version 1.41) on its Unix socket."""
