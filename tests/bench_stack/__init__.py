"""Speed of the production shape on the real servers, beside what those servers and one process can bear at most."""
