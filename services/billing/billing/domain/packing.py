"""Canonical bytes as events and rows carry them: compressed, and the same for the same bytes."""

import base64
import binascii
import gzip
import zlib
from io import BytesIO

MAX_BYTES = 64 * 1024 * 1024


class TooLarge(ValueError):
    """A document is larger than any real one: it is not read into memory."""


def packed(content: bytes) -> str:
    """The bytes compressed and in base64, as an event carries them."""
    return base64.b64encode(gzip.compress(content, mtime=0)).decode()


def unpacked(text: str) -> bytes:
    """The bytes that an event carries. Raises `TooLarge`, and `ValueError` where it carries none."""
    try:
        return decompressed(base64.b64decode(text, validate=True))
    except (binascii.Error, zlib.error, EOFError, OSError) as fault:
        raise ValueError("the content of a document is no gzip in base64") from fault


def decompressed(stored: bytes) -> bytes:
    """The bytes of a gzip member, at most `MAX_BYTES`."""
    with gzip.GzipFile(fileobj=BytesIO(stored)) as read:
        content = read.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise TooLarge(f"a document of more than {MAX_BYTES:,} bytes")
    return content
