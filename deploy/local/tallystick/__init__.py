"""The three services in one process, and the `tallystick` command."""

__version__ = "0.1.0"
