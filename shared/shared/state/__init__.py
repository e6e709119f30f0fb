"""Live state by shard: its port, and an adapter for each scheme of STATE_URL."""
