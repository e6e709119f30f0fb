"""Faults on the real servers and processes; an oracle that shares no code with the services verifies the outcome."""
