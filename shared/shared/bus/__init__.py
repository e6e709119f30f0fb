"""The log: its port, the consumer loop, and an adapter for each scheme of BUS_URL."""
