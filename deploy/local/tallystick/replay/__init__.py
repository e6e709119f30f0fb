"""A CSV of the system that a council already has, told again as Tallystick's events."""
