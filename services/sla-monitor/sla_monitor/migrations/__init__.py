"""The read model's schema, revision by revision."""
