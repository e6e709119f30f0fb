"""Past events that never arrived: what they would change, and their sending when somebody has approved that."""
