"""Pure: working time, clocks, verdicts. No I/O, no clock, no framework."""
