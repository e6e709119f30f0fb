"""What the monitor does: judge shards, record verdicts, answer questions. Each loads, decides, stores, announces."""
