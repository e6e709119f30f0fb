"""A CSV of the system that a council already has, translated into Tallystick's events."""
