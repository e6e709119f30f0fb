"""Statements through their life: drafts, and what people and the close make of them."""
