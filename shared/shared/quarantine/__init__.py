"""Quarantined records: what is kept of them, who decided what about them, and how they are redriven."""
