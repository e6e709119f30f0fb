"""What each verb of the `tallystick` command does."""
