"""Recharges as they were before, beside Tallystick's: what is different, and why."""
