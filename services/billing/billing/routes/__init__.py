"""HTTP routes of what people do with statements."""
