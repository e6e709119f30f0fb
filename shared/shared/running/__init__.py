"""A service as a process of its own: settings, start, health, metrics, stop, and an end when it is stuck."""
