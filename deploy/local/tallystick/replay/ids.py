"""Ids made of what other systems call things, two things never becoming one."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Protocol

from shared.contracts.scalars import ID_PATTERN
from tallystick.replay.table import InvalidRow

_ID = re.compile(ID_PATTERN)
_NOT_IN_SLUG = re.compile(r"[^a-z0-9]+")


def slug(text: str) -> str:
    """`text` in lower case without accents, all but letters and digits as single hyphens; empty if nothing is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return _NOT_IN_SLUG.sub("-", plain.lower()).strip("-")


class FirstTexts(Protocol):
    """The text that made each id first."""

    def setdefault(self, key: str, value: str, /) -> str:
        """The text that made the id `key`, which is `value` where none did before."""


class IdAssigner:
    """The ids of one column's texts. `given` are ids that a person chose; the rest are slugs.

    Texts that differ in capital letters and spaces alone are one name. Two others that would share an id are refused
    from the second on, unless `given` says that they are the same.
    """

    def __init__(self, given: Mapping[str, str]) -> None:
        self._ids = {_composed(text): made for text, made in given.items()}
        self._texts = {made: text for text, made in self._ids.items()}

    def id_of(self, text: str, *, column: str) -> str:
        """The id of `text`; raises `InvalidRow`."""
        _require_no_nul(text, column)
        text = _composed(text)
        known = self._ids.get(text)
        if known is None:
            made = slug(text)
            first = self._texts.get(made)
            same = first if first is not None and _plain(first) == _plain(text) else text
            known = self._ids[text] = _claimed(made, same, self._texts, column)
        return known


def plain_item_id(text: str) -> str:
    """`text` where it is an id, and else what a replay makes of it: `J/9001` is `j-9001`. Empty if nothing is left."""
    return text if _ID.match(text) else slug(text)


def item_id(text: str, first_texts: FirstTexts, *, column: str) -> str:
    """The id of an item that another system calls `text`: a text that is an id already stays as it is.

    Raises `InvalidRow`, also where another of the `first_texts` made the id.
    """
    _require_no_nul(text, column)
    text = _composed(text)
    made = plain_item_id(text)
    return _claimed(made, text, first_texts, column, do="give one of them another id in the file")


def _composed(text: str) -> str:
    """The same text in the one form that all ways to write its letters share (UAX 15): macOS writes é as two."""
    return unicodedata.normalize("NFC", text)


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _require_no_nul(text: str, column: str) -> None:
    if "\0" in text:
        raise InvalidRow(f"{column}: holds a NUL character")


def _claimed(made: str, text: str, first_texts: FirstTexts, column: str, *, do: str = "set them under `values`") -> str:
    """The id `made` of `text`, which no other text has; raises `InvalidRow`."""
    if not _ID.match(made):
        raise InvalidRow(f"{column}: {text!r} makes no id of 1 to 64 letters and digits")
    first = first_texts.setdefault(made, text)
    if first != text:
        raise InvalidRow(f"{column}: {text!r} and {first!r} would both be {made!r}: {do}")
    return made
