"""The two SQL dialects, SQLite and PostgreSQL, made alike: what differs has a name here and nowhere else."""
