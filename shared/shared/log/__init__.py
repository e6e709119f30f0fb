"""The log that services talk over: its records, its port, and what every reader of it must do."""
