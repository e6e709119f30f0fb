"""Pure: what a valid definition is, and how versions follow each other."""
