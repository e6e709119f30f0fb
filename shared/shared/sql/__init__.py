"""The two SQL dialects, SQLite and PostgreSQL, used alike: what differs has a name here and nowhere else."""
