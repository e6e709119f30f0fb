"""Every event, topic and definition that crosses a border between services; nothing else does."""
