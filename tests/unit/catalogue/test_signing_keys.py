"""The key that tokens are signed by: where it comes from, how another takes over, and how one is dropped."""

import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import anyio
import pytest
from joserfc.jwk import ECKey, OKPKey

from catalogue.announcements import key_announcement
from catalogue.signing_keys import SigningKeys, changes, dropped, read_key
from shared.auth.issued import IssuedAccess
from shared.bus.access_view import AccessView
from shared.bus.embedded import EmbeddedBus
from shared.clock import FixedClock
from shared.contracts.access import SigningKeyPublished
from shared.contracts.codec import decode_event
from shared.http.access import KeysUnknown
from shared.startup_errors import InvalidSettings

AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def view(tmp_path: Path) -> Iterator[AccessView]:
    """What a service knows of an empty log."""
    bus = EmbeddedBus(tmp_path / "log.db")
    yield AccessView(bus, reader="test")
    anyio.run(bus.close)


def new_key() -> OKPKey:
    return read_key(json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=True)))


def publish(issued: IssuedAccess, key: OKPKey, at: datetime) -> None:
    for each in changes(issued, key, at):
        event = decode_event(key_announcement(each, at).value)
        assert isinstance(event, SigningKeyPublished)
        issued.add(event)


def accepted(issued: IssuedAccess, at: datetime) -> set[str]:
    return {str(key.kid) for key in issued.keys(at)}


def test_pem_and_jwk_of_one_key_have_one_id() -> None:
    key = OKPKey.generate_key("Ed25519")
    pem = key.as_pem(private=True).decode()

    assert read_key(pem).kid == read_key(json.dumps(key.as_dict(private=True))).kid == key.thumbprint()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "secret",
        "{",
        json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=False)),
        json.dumps(OKPKey.generate_key("X25519").as_dict(private=True)),
        json.dumps(ECKey.generate_key("P-256").as_dict(private=True)),
        ECKey.generate_key("P-256").as_pem(private=True).decode(),
    ],
    ids=["empty", "text", "half a JWK", "a public key", "another curve", "another kind", "another kind in PEM"],
)
def test_what_is_no_private_key_of_ed25519_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(InvalidSettings, match="SIGNING_KEY_FILE has") as refused:
        read_key(text)

    assert text == "" or text not in str(refused.value)


def test_on_one_machine_the_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path, view: AccessView) -> None:
    file = tmp_path / "signing-key.json"
    first, second = (SigningKeys("", file, view, FixedClock(AT)).key for _ in range(2))

    assert first.kid == second.kid
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_who_asks_while_the_key_is_being_made_gets_the_one_key_and_never_half_of_it(
    tmp_path: Path, view: AccessView, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "signing-key.json"
    generate = OKPKey.generate_key
    meanwhile: list[str] = []

    def interrupted(curve: Literal["Ed25519"]) -> OKPKey:
        monkeypatch.setattr(OKPKey, "generate_key", generate)
        meanwhile.append(str(SigningKeys("", file, view, FixedClock(AT)).key.kid))
        return generate(curve)

    monkeypatch.setattr(OKPKey, "generate_key", interrupted)
    first = SigningKeys("", file, view, FixedClock(AT)).key.kid

    assert meanwhile == [first]
    assert list(tmp_path.glob("*signing-key*")) == [file]


def test_on_servers_a_missing_key_is_named_and_none_is_made(view: AccessView) -> None:
    with pytest.raises(InvalidSettings, match="SIGNING_KEY_FILE is not set"):
        _ = SigningKeys("", None, view, FixedClock(AT)).key


def test_nothing_is_signed_by_a_key_that_the_log_does_not_hold(tmp_path: Path, view: AccessView) -> None:
    keys = SigningKeys("", tmp_path / "key", view, FixedClock(AT))

    with pytest.raises(KeysUnknown):
        keys.current()
    publish(view.issued, keys.key, AT)
    assert keys.current() == keys.key
    publish(view.issued, new_key(), AT)
    with pytest.raises(KeysUnknown):
        keys.current()


def test_a_new_key_takes_over_and_the_one_before_is_accepted_for_a_day() -> None:
    issued, old, new = IssuedAccess(), new_key(), new_key()
    publish(issued, old, AT)
    publish(issued, new, AT + DAY)

    assert accepted(issued, AT + DAY) == {old.kid, new.kid}
    assert accepted(issued, AT + 2 * DAY - timedelta(seconds=1)) == {old.kid, new.kid}
    assert accepted(issued, AT + 2 * DAY) == {new.kid}


def test_the_key_in_use_is_published_once() -> None:
    issued, key = IssuedAccess(), new_key()
    publish(issued, key, AT)

    assert changes(issued, key, AT + DAY) == []


def test_a_key_that_was_put_back_in_time_is_in_use_again() -> None:
    issued, old, new = IssuedAccess(), new_key(), new_key()
    for key in (old, new, old):
        publish(issued, key, AT)

    assert accepted(issued, AT + 2 * DAY) == {old.kid}


def test_a_dropped_key_is_void_at_once_and_never_taken_back() -> None:
    issued, old, new = IssuedAccess(), new_key(), new_key()
    publish(issued, old, AT)
    publish(issued, new, AT)
    event = decode_event(key_announcement(dropped(issued, str(old.kid), AT + DAY / 2), AT + DAY / 2).value)
    assert isinstance(event, SigningKeyPublished)
    issued.add(event)

    assert accepted(issued, AT + DAY / 2) == {new.kid}
    with pytest.raises(InvalidSettings, match="no longer accepted"):
        changes(issued, old, AT + DAY / 2)


def test_a_key_that_was_never_published_cannot_be_dropped() -> None:
    with pytest.raises(InvalidSettings, match="no key other was published"):
        dropped(IssuedAccess(), "other", AT)
