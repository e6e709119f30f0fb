"""Where two canonical statements differ, in words that whoever pays it understands: the first difference comes first.

One is what a file states, the other what follows from the events in the same file.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shared.money import format_gbp

_Json = Mapping[str, Any]
# What is compared part by part, and so not as a whole.
_PARTS = frozenset({"services", "service_credits", "evidence"})
# What is said of a line first; the rest by name.
_AMOUNTS = ("amount_pence", "applied_pence", "earned_pence", "charge_pence")


def differences(stated: _Json, found: _Json) -> Iterator[str]:
    """Each thing that the statement says otherwise than what is `found`: lines, credits, totals, then the rest."""
    yield from _services(stated, found)
    yield from _credits(stated, found)
    for name in _names(stated, found):
        if name not in _PARTS and stated.get(name) != found.get(name):
            yield from _values(_words(name), stated.get(name), found.get(name))
    yield from _values("evidence", stated.get("evidence"), found.get("evidence"))


def _services(stated: _Json, found: _Json) -> Iterator[str]:
    mine, theirs = _by_id(stated["services"]), _by_id(found["services"])
    for id_ in _names(mine, theirs):
        if id_ not in theirs:
            yield f"service {id_}: the statement charges it, and no agreement in the file does"
        elif id_ not in mine:
            yield f"service {id_}: the statement leaves it out"
        elif mine[id_] != theirs[id_]:
            yield from _service(mine[id_], theirs[id_])


def _service(stated: _Json, found: _Json) -> Iterator[str]:
    mine, theirs = _by_ref(stated["lines"]), _by_ref(found["lines"])
    for ref in _names(mine, theirs):
        line = mine.get(ref) or theirs[ref]
        name = f"line {line['charge']!r} of {stated['name']}"
        if ref not in theirs:
            yield f"{name}: the statement has it, and no tariff in the file gives it"
        elif ref not in mine:
            yield f"{name}: the statement leaves it out"
        else:
            yield from _line(name, mine[ref], theirs[ref])
    for key in _names(stated, found):
        if key != "lines":
            yield from _values(f"{_words(key)} of {stated['name']}", stated.get(key), found.get(key))


def _line(name: str, stated: _Json, found: _Json) -> Iterator[str]:
    if stated["quantity"] != found["quantity"]:
        yield (f"{name}: {_units(found)} counted, the statement says {_number(stated['quantity'])}")
    for key in sorted(_names(stated, found), key=lambda each: each not in _AMOUNTS):
        if key != "quantity":
            yield from _values(
                name if key == "amount_pence" else f"{name}, {_words(key)}", stated.get(key), found.get(key)
            )


def _credits(stated: _Json, found: _Json) -> Iterator[str]:
    mine, theirs = (_by_ref(of.get("service_credits", ())) for of in (stated, found))
    for ref in _names(mine, theirs):
        credit = mine.get(ref) or theirs[ref]
        name = f"service credit for {credit['target']} of {credit['service']}"
        if ref not in theirs:
            yield f"{name}: the statement has it, and it does not follow from the verdicts in the file"
        elif ref not in mine:
            yield f"{name}: the statement leaves it out"
        else:
            yield from _credit(name, mine[ref], theirs[ref])


def _credit(name: str, stated: _Json, found: _Json) -> Iterator[str]:
    if (stated["good"], stated["total"]) != (found["good"], found["total"]):
        yield (
            f"{name}: {found['good']:,} of {found['total']:,} met it by the verdicts in the file, the statement says "
            f"{stated['good']:,} of {stated['total']:,}"
        )
    for key in _names(stated, found):
        if key not in ("good", "total"):
            yield from _values(f"{name}, {_words(key)}", stated.get(key), found.get(key))


def _values(name: str, stated: Any, found: Any, *, by: str = "the events in the file") -> Iterator[str]:
    """Down to the first member that differs."""
    if stated == found and type(stated) is type(found):
        return
    if isinstance(stated, dict) and isinstance(found, dict):
        for key in _names(stated, found):
            yield from _values(f"{name}, {_words(key)}", stated.get(key), found.get(key), by=by)
    elif isinstance(stated, list) and isinstance(found, list) and len(stated) == len(found):
        for number, (mine, theirs) in enumerate(zip(stated, found, strict=True), 1):
            yield from _values(f"{name}, {number}", mine, theirs, by=by)
    else:
        yield f"{name}: {_shown(found, name)} by {by}, the statement says {_shown(stated, name)}"


def _shown(value: Any, name: str) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "nothing"}[value]
    if isinstance(value, int) and not _is_count(name):
        return format_gbp(value)
    if isinstance(value, int):
        return f"{value:,}"
    text = value if isinstance(value, str) else f"{len(value)} entries"
    return text if len(text) <= 100 else f"{text[:100]} …"


_COUNTS = ("events", "evidence", "version", "invoices", "entries", "points")


def _is_count(name: str) -> bool:
    return any(word in name for word in _COUNTS)


def _units(line: _Json) -> str:
    unit = str(line["unit"]).replace("-", " ")
    return f"{_number(line['quantity'])} {unit if line['quantity'] == '1' else f'{unit}s'}"


def _number(text: str) -> str:
    whole, point, decimals = text.partition(".")
    return f"{int(whole):,}{point}{decimals}" if whole.lstrip("-").isdigit() else text


def _words(key: str) -> str:
    return key.removesuffix("_pence").replace("_", " ")


def _names(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Sequence[str]:
    """Those of either, in the order of the statement."""
    return [*mine, *(name for name in theirs if name not in mine)]


def _by_id(of: Sequence[_Json]) -> dict[str, _Json]:
    return {str(each["id"]): each for each in of}


def _by_ref(of: Sequence[_Json]) -> dict[str, _Json]:
    return {str(each["ref"]): each for each in of}
