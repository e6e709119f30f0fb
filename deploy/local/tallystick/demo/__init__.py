"""An illustrative year: events that a partnership's provider might have sent, made from its definitions and a seed."""
