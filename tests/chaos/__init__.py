"""Faults on the real servers and processes, judged by an oracle that shares no code with the services."""
