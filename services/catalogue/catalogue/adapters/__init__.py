"""Dull and short: files, tables."""
