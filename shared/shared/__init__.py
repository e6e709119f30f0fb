"""What every Tallystick service shares: the contracts between them, and the ports they stand on."""
