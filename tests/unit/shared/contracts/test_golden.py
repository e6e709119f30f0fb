"""Events that were once sent still mean what they meant.

Each file holds a payload as it was sent, and every field of the event that it was then read as, defaults included.
Fields may be added to a type; no file here is ever changed or removed.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shared.contracts.codec import decode_event
from shared.contracts.schema import event_types

FOLDER = Path(__file__).parent / "golden"
GOLDEN = sorted(FOLDER.glob("*.json"))


@pytest.mark.parametrize("path", GOLDEN, ids=[path.stem for path in GOLDEN])
def test_an_old_payload_is_still_read_as_the_same_event(path: Path) -> None:
    golden = json.loads(path.read_text(encoding="utf-8"))

    event = decode_event(json.dumps(golden["sent"]).encode())

    assert type(event).__name__ == golden["read_as"]
    assert _shared_fields(golden["meant"], explicit(event)) == golden["meant"]


def test_every_type_has_an_old_payload() -> None:
    sent = {json.loads(path.read_text(encoding="utf-8"))["sent"]["type"] for path in GOLDEN}

    assert sent >= event_types().keys()


def explicit(value: Any) -> Any:
    """The value with every field of every struct, also those that hold their default."""
    match value:
        case msgspec.Struct():
            fields = msgspec.structs.asdict(value).items()
            return {name: explicit(held) for name, held in fields if held is not msgspec.UNSET}
        case dict():
            return {str(key): explicit(held) for key, held in value.items()}
        case tuple() | list():
            return [explicit(held) for held in value]
        case _:
            return msgspec.to_builtins(value)


def _shared_fields(meant: Any, now: Any) -> Any:
    """`now` without the fields that have been added since."""
    if isinstance(meant, dict) and isinstance(now, dict):
        return {name: _shared_fields(meant[name], now[name]) for name in meant if name in now}
    if isinstance(meant, list) and isinstance(now, list) and len(meant) == len(now):
        return [_shared_fields(*pair) for pair in zip(meant, now, strict=True)]
    return now
