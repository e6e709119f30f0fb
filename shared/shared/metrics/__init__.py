"""Metrics: how a list of them is written, and those that every service has. A service's own are in its metrics.py."""
