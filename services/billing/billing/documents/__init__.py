"""A statement as people and programs read it. Page and PDF show one view, so their figures cannot differ."""
