"""Pure: metering, rating, statements. No I/O, no clock, no framework."""
