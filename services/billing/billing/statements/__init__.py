"""Statements through their lifecycle: drafts, and what people and the close make of them."""
