"""The log that services talk over: its words, its port, and what every reader of it must know."""
