"""Billing's schema, revision by revision."""
