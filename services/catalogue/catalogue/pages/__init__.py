"""The catalogue's pages: signing in and out, who somebody is, and the keys of their machines."""
