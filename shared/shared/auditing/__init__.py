"""The audit log of a service at work: written with what it records, published, read back after a loss, verified."""
