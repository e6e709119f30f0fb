"""JSON as plain values, read strictly: what the format leaves open is refused, not guessed."""

import codecs
import json
from typing import Any, NoReturn


class NotStrictJson(ValueError):
    """The bytes are no JSON, or JSON that two readers could read in two ways. The message quotes none of them."""


def strict_json(raw: bytes) -> Any:
    """The value in `raw`, of whatever type it is; raises `NotStrictJson`."""
    if not raw:
        raise NotStrictJson("the body is empty")
    if raw.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise NotStrictJson("the body begins with a byte order mark")
    try:
        return json.loads(raw.decode(), object_pairs_hook=_each_key_once, parse_constant=_no_constant)
    except UnicodeDecodeError as fault:
        raise NotStrictJson(f"the body is not UTF-8 at byte {fault.start}") from fault
    except json.JSONDecodeError as fault:
        raise NotStrictJson(f"{fault.msg.lower()} at line {fault.lineno}, column {fault.colno}") from fault
    except RecursionError as fault:
        raise NotStrictJson("the body is nested too deeply") from fault
    except NotStrictJson:
        raise
    except ValueError as fault:  # an integer of more digits than Python converts
        raise NotStrictJson("a number is too long") from fault


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise NotStrictJson("an object holds the same key twice")
    return found


def _no_constant(_: str) -> NoReturn:
    raise NotStrictJson("NaN and Infinity are not JSON")
