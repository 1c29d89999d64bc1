"""Connections that are made to addresses that were judged: what remote servers and catalogs behind URLs share."""
