"""Servers that others run, reached over HTTP: each outgoing message a POST, each incoming one a line."""
