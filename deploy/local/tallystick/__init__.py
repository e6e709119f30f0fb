"""All services in one process, and the `tallystick` command."""
