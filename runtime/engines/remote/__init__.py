"""Servers that others run, reached over streamable HTTP: each outgoing message a POST, each incoming one a line."""
