"""Ids made of what other systems call things, two things never becoming one."""

import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from shared.contracts.scalars import ID_PATTERN
from tallystick.replay.table import InvalidRow

_ID = re.compile(ID_PATTERN)
# Leaves room for a hyphen and a line number of 13 digits in the 64 characters of an id.
_PREFIX_LENGTH = 50
_NOT_IN_SLUG = re.compile(r"[^a-z0-9]+")


def slug(text: str) -> str:
    """`text` in lower case without accents, all but letters and digits as single hyphens; empty if nothing is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return _NOT_IN_SLUG.sub("-", plain.lower()).strip("-")


class IdAssigner:
    """The ids of one column's texts. `given` are ids that a person chose; the rest are slugs.

    With `keep_valid` a text that is an id already stays as it is, as item numbers should. Two different texts that
    would share an id are refused from the second on, unless `given` says that they are the same.
    """

    def __init__(self, given: Mapping[str, str], *, keep_valid: bool = False) -> None:
        self._keep_valid = keep_valid
        self._ids = dict(given)
        self._texts = {made: text for text, made in given.items()}

    def id_of(self, text: str, *, column: str) -> str:
        """The id of `text`; raises `InvalidRow`."""
        if "\0" in text:
            raise InvalidRow(f"{column}: holds a NUL character")
        known = self._ids.get(text)
        return self._new(text, column) if known is None else known

    def _new(self, text: str, column: str) -> str:
        made = text if self._keep_valid and _ID.match(text) else slug(text)
        if not _ID.match(made):
            raise InvalidRow(f"{column}: {text!r} makes no id of 1 to 64 letters and digits")
        first = self._texts.setdefault(made, text)
        if first != text:
            raise InvalidRow(f"{column}: {text!r} and {first!r} would both be {made!r}: set them under `values`")
        self._ids[text] = made
        return made


def line_prefix(path: Path) -> str:
    """What the ids of lines of `path` begin with: its name, so that another file's lines are other things."""
    name = path.name.removesuffix(".gz").removesuffix(".csv")
    return slug(name)[:_PREFIX_LENGTH].rstrip("-") or "file"
