"""A package with two revisions, as a service has them."""
