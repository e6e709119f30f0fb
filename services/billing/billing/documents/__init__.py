"""A statement as people and programs read it: one file a form, one table of forms (`forms`)."""
