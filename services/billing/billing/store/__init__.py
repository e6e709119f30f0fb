"""SQL, documents and the consumer: dull and short."""
