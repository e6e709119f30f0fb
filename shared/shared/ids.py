"""Ids of derived things: uuid5 of what they mean, never of time, offset or chance, so that redoing gives the same."""

from hashlib import sha1
from uuid import UUID

# The root of all derived ids. Changing it would give every verdict and charge another identity.
ROOT = UUID("6c0f7c0e-5b0a-5d57-9a53-b1c6d2a0f5e1")
_ROOT = ROOT.bytes


def derived_id(kind: str, *parts: str | int | None) -> str:
    """The id of the thing of `kind` that `parts` single out. Parts are joined by a character that ids cannot hold."""
    name = "\x1f".join([kind, *("" if part is None else str(part) for part in parts)])
    # What `str(uuid.uuid5(ROOT, name))` gives (RFC 9562, version 5), in a third of its time.
    digits = sha1(_ROOT + name.encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"
