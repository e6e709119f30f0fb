"""Client credentials: an id that may be seen, and a secret that is shown once and kept only as its hash.

A secret holds 256 random bits, so that a plain SHA-256 of it can neither be guessed nor looked up. (What people choose
would need a slow hash; people sign in with their own provider.)
"""

import hmac
import re
import secrets
from collections.abc import Callable
from hashlib import sha256

ID_PREFIX = "tsc_"
# Secrets can be recognised wherever they leak, also by scanners.
SECRET_PREFIX = "tss_"  # noqa: S105 (what every secret begins with is none)
_ID = re.compile(rf"{ID_PREFIX}[A-Za-z0-9_-]{{16}}", re.ASCII)
_SECRET = re.compile(rf"{SECRET_PREFIX}[A-Za-z0-9_-]{{43}}", re.ASCII)

Random = Callable[[int], str]


def new_client_id(random: Random = secrets.token_urlsafe) -> str:
    """An id that no other client has."""
    return f"{ID_PREFIX}{random(12)}"


def new_secret(random: Random = secrets.token_urlsafe) -> str:
    """A secret that nobody else knows: 256 random bits as text."""
    return f"{SECRET_PREFIX}{random(32)}"


def is_client_id(text: str) -> bool:
    """Whether the text looks like a client's id."""
    return _ID.fullmatch(text) is not None


def is_secret(text: str) -> bool:
    """Whether the text looks like a secret."""
    return _SECRET.fullmatch(text) is not None


def holds_secret(text: str) -> bool:
    """Whether there is a secret anywhere in the text, where none may be: in an address, a query, a log line."""
    return _SECRET.search(text) is not None


def hashed(secret: str) -> bytes:
    """What is stored of a secret: 32 bytes."""
    return sha256(secret.encode()).digest()


def matches(secret: str, *, stored: bytes) -> bool:
    """Whether the secret is the one that was hashed; takes as long for any that is not."""
    return hmac.compare_digest(hashed(secret), stored)
