"""The monitor's ways to the world: its read model and its view of the catalogue."""
