"""Records set aside: what is kept of them, who decided what about them, and how they are offered again."""
