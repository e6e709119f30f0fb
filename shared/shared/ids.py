"""Ids of derived things: uuid5 of what they mean, never of time, offset or chance, so that redoing gives the same."""

from uuid import UUID, uuid5

# The root of all derived ids. Changing it would give every verdict and charge another identity.
_ROOT = UUID("6c0f7c0e-5b0a-5d57-9a53-b1c6d2a0f5e1")


def derived_id(kind: str, *parts: str | int | None) -> str:
    """The id of the thing of `kind` that `parts` single out. Parts are joined by a character that ids cannot hold."""
    return str(uuid5(_ROOT, "\x1f".join([kind, *("" if part is None else str(part) for part in parts)])))
