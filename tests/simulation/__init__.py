"""Deterministic simulation: the product's cores under one seeded scheduler that does to them all that can go wrong."""
