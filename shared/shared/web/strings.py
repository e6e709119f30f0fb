"""Every label and sentence of the pages and of the PDF statement, from one file: `locales/en.toml`.

A translation is another file with the same keys. Dates and numbers are written by `formats`, amounts by `shared.money`.
"""

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files

from markupsafe import Markup

from shared.web.formats import whole_number

String = str | Mapping[str, str]


def text(key: str, /, **values: object) -> str:
    """The string of `key` (`layout.home`) with its `{values}`, as plain text.

    A number is written as people read it. A string with the forms `one` and `other` takes that of `count`. Raises
    `KeyError` for an unknown key or a missing value.
    """
    return _form(key, values).format(**_shown(values))


def markup(key: str, /, **values: object) -> Markup:
    """As `text`, for HTML: a value that is markup stays so, everything else is escaped."""
    return Markup.escape(_form(key, values)).format(**_shown(values))


def with_code(sentence: str) -> Markup:
    """As HTML: what a sentence has between backticks is code, and all of it is escaped."""
    shown = Markup('<code class="tally-code">{}</code>')
    parts = sentence.split("`")
    if len(parts) % 2 == 0:  # one backtick is left over: it is none of a pair
        return Markup.escape(sentence)
    return Markup("").join(shown.format(part) if at % 2 else Markup.escape(part) for at, part in enumerate(parts))


def strings(section: str) -> Mapping[str, String]:
    """The strings of one section as they stand in the file; raises `KeyError`."""
    return _file()[section]


def _form(key: str, values: Mapping[str, object]) -> str:
    section, _, name = key.partition(".")
    string = strings(section)[name]
    return string if isinstance(string, str) else string["one" if values["count"] == 1 else "other"]


def _shown(values: Mapping[str, object]) -> dict[str, object]:
    return {name: whole_number(value) if isinstance(value, int) else value for name, value in values.items()}


@lru_cache(maxsize=1)
def _file() -> Mapping[str, Mapping[str, String]]:
    return tomllib.loads(files("shared.web").joinpath("locales", "en.toml").read_text(encoding="utf-8"))
