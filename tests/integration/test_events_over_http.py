"""Events in over HTTP: the rules of the log, every fault at once, received once, and published in order."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from catalogue.adapters.received_events import SqlReceivedEvents
from catalogue.app import CatalogueApp, build
from catalogue.domain.received_events import MAX_EVENTS, ReceivedEvent, receive
from catalogue.settings import CatalogueSettings
from shared.auth.principal import Principal
from shared.bus.connect import connect
from shared.clock import FixedClock
from shared.contracts.codec import encode_event
from shared.contracts.topics import TOPICS, WORK
from shared.http import Authentication, create_app
from shared.instants import epoch_ms, epoch_us
from shared.log.port import AppendUncertain, Bus, Message, Place, Shard
from shared.log.validation import MAX_EVENT_BYTES
from shared.scope import Scope
from shared.sql.inbox import InsertResult
from shared.sql.isolation import Database
from tests.support.callers import SIGNING_KEY
from tests.support.poison import AT, COMPLETED, GOOD, ITEM, POISON
from tests.support.recharges import SOURCE, completed, received

MOST_WAITING = 1_000
STRUCTURED = {"Content-Type": "application/cloudevents+json"}
BATCH = {"Content-Type": "application/cloudevents-batch+json"}
INTEGRATOR = Principal.of("desk", "machine", ["integrator"], Scope.of("ashby"), sources=[SOURCE])
# What only a record of the log can be: over HTTP Tallystick chooses topic and key. A conflict has tests of its own.
OF_THE_LOG = {"KEY_MISMATCH", "KEY_PARTITION_MISMATCH", "ID_REUSE_CONFLICT"}
REFUSED = [each for each in POISON if each.reason not in OF_THE_LOG and each.kind != "another topic's type"]


@dataclass
class Served:
    """A catalogue that is asked, and the log that it publishes to."""

    app: CatalogueApp
    bus: Bus
    settings: CatalogueSettings
    caller: Principal = INTEGRATOR

    @cached_property
    def client(self) -> TestClient:
        """Whoever is the caller now."""
        api = create_app(
            "catalogue",
            [self.app.router],
            authentication=Authentication(lambda _: self.caller),
            types=self.app.types,
            audit=self.app.audit,
        )
        return TestClient(api, raise_server_exceptions=False)

    def send(self, body: bytes, headers: Mapping[str, str] = STRUCTURED, query: str = "") -> Any:
        return self.client.post(f"/v1/events{query}", content=body, headers=dict(headers))

    def ask(self, id_: str, source: str = SOURCE) -> Any:
        return self.client.get("/v1/events", params={"source": source, "id": id_})

    def publish(self) -> int:
        """How many events were published, once none waits; while the log is away, after a while.

        On a server that other tests use too, what was written before their transactions end waits for them.
        """

        async def published() -> int:
            total, give_up = 0, time.monotonic() + _OTHERS_S
            while True:
                total += await self.app.publish_events()
                if not await self.app.unpublished_events() or time.monotonic() > give_up:
                    return total
                await asyncio.sleep(0.05)

        return asyncio.run(published())

    def values(self) -> list[bytes]:
        """What the topic of work holds, partition by partition."""

        async def read() -> list[bytes]:
            shards = [Shard(WORK.name, partition) for partition in range(WORK.partitions)]
            found = [await self.bus.read(shard, 0, limit=10_000) for shard in shards]
            return [record.value or b"" for records in found for record in records]

        return asyncio.run(read())


_OTHERS_S = 8.0


@pytest.fixture(name="served")
def _served(database_of: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setenv("DATABASE_URL", database_of("catalogue"))
    monkeypatch.setenv("SIGNING_KEY", SIGNING_KEY)
    bus = connect(f"sqlite:///{tmp_path}/log.db")
    asyncio.run(bus.ensure_topics(TOPICS))
    settings = CatalogueSettings(TALLYSTICK_VAR=tmp_path, EVENTS_WAITING=MOST_WAITING, EVENTS_PER_MINUTE=2_000)
    app = build(settings, bus=bus, clock=FixedClock(datetime.fromisoformat(AT)))
    yield Served(app, bus, settings)
    asyncio.run(app.close())
    asyncio.run(bus.close())


def faults(answer: Any) -> list[tuple[str, str]]:
    return [(each["pointer"], each["reason"]) for each in answer.json()["errors"]]


def batch(*values: bytes) -> bytes:
    return b"[" + b",".join(values) + b"]"


def test_an_event_is_received_published_and_can_be_asked_about(served: Served) -> None:
    answer = served.send(GOOD)

    assert answer.status_code == 202
    (receipt,) = answer.json()["events"]
    assert (receipt["source"], receipt["id"], receipt["result"]) == (SOURCE, COMPLETED.id, "received")
    assert answer.headers["location"] == receipt["href"]
    assert served.client.get(receipt["href"]).json()["published"] is None

    assert served.publish() == 1

    found = served.client.get(receipt["href"]).json()
    shard = Shard(found["published"]["topic"], found["published"]["partition"])
    (record,) = asyncio.run(served.bus.read(shard, found["published"]["offset"], limit=1))
    assert (record.key, record.value) == (b"ashby:inv-1", GOOD)
    place = f"topic={shard.topic}&partition={shard.partition}&offset={record.offset}&council=ashby&item=inv-1"
    assert found["links"] == {
        "sla-monitor": f"/v1/events/sla-monitor?{place}",
        "billing": f"/v1/events/billing?{place}",
        "judged": "/v1/items/inv-1?council=ashby",
        "priced": "/v1/statements/ashby/2026-05",
    }
    assert (found["council"], found["subject"], found["type"]) == ("ashby", ITEM, "tallystick.work.completed.v1")


def test_what_quarantine_would_get_is_refused_for_the_same_reason_and_never_repeated(served: Served) -> None:
    client, found = served.client, {}
    for poison in REFUSED:
        answer = client.post("/v1/events", content=poison.value or b"", headers=STRUCTURED)
        found[poison.kind] = (answer.status_code, {reason for _, reason in faults(answer)})
        for value in ("work.finished", "work.completed.v2", "ashby", COMPLETED.id):
            assert value not in answer.text, poison.kind

    assert found == {poison.kind: (422, {poison.reason}) for poison in REFUSED}
    assert served.publish() == 0


def test_every_fault_of_a_batch_is_named_with_its_place_and_where_to_read_more_and_nothing_is_received(
    served: Served,
) -> None:
    wrong = GOOD.replace(b'"units":"3"', b'"units":3').replace(b"2026-05-07T12:00:00Z", b"2026-05-07")

    answer = served.send(batch(GOOD, wrong, b"{}"), BATCH)

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert faults(answer) == [("#/1/time", "UNREADABLE"), ("#/1/data/units", "UNREADABLE"), ("#/2/type", "UNREADABLE")]
    assert all(each["help"] == "/events#UNREADABLE" and each["detail"] for each in answer.json()["errors"])
    assert served.publish() == 0


def test_what_came_in_is_listed_in_the_order_of_receiving_for_whoever_may_have_sent_it(served: Served) -> None:
    for number in range(5):
        served.send(encode_event(completed(f"inv-{number}", AT)))

    first = served.client.get("/v1/events/received?limit=2")
    rest = served.client.get(first.links["next"]["url"])
    newest = served.client.get("/v1/events/received?newest=true&limit=2").json()["items"]
    after = served.client.get(f"/v1/events/received?after={newest[0]['number']}").json()["items"]

    subjects = [
        [each["subject"] for each in found]
        for found in (*(each.json()["items"] for each in (first, rest)), newest, after)
    ]
    assert subjects == [["inv-0", "inv-1"], ["inv-2", "inv-3"], ["inv-3", "inv-4"], ["inv-4"]]
    served.caller = Principal.of("rival", "machine", ["integrator"], Scope.of("ashby"), sources=["/rival"])
    assert served.client.get("/v1/events/received").json() == {"items": []}
    served.caller = Principal.of("other", "machine", ["integrator"], Scope.of("bexhill"), sources=[SOURCE])
    assert served.client.get("/v1/events/received").json() == {"items": []}


def test_a_repetition_is_received_once(served: Served) -> None:
    spaced = json.dumps(json.loads(GOOD), indent=1).encode()

    results = [served.send(body).json()["events"][0]["result"] for body in (GOOD, GOOD, spaced)]
    together = served.send(batch(GOOD, GOOD), BATCH).json()["events"]

    assert results == ["received", "duplicate", "duplicate"]
    assert [each["result"] for each in together] == ["duplicate", "duplicate"]
    assert served.publish() == 1


@pytest.mark.parametrize("also", [b"", encode_event(received("inv-9", AT))])
def test_another_content_under_a_known_id_is_a_conflict_and_takes_its_batch_with_it(
    served: Served, also: bytes
) -> None:
    served.send(GOOD)
    other = GOOD.replace(b'"units":"3"', b'"units":"4"')

    answer = served.send(batch(*filter(None, [also, other])), BATCH)

    assert answer.status_code == 409
    assert faults(answer) == [(f"#/{1 if also else 0}/id", "ID_REUSE_CONFLICT")]
    assert served.publish() == 1
    assert served.values() == [GOOD]


def test_a_conflict_within_one_batch_is_found_too(served: Served) -> None:
    answer = served.send(batch(GOOD, GOOD.replace(b'"units":"3"', b'"units":"4"')), BATCH)

    assert (answer.status_code, faults(answer)) == (409, [("#/1/id", "ID_REUSE_CONFLICT")])
    assert served.publish() == 0


def test_binary_mode_is_the_same_event(served: Served) -> None:
    plain = json.loads(GOOD)
    headers = {f"ce-{name}": text for name, text in plain.items() if name not in {"data", "datacontenttype"}}
    body = json.dumps(plain["data"]).encode()

    first = served.send(body, {**headers, "Content-Type": "application/json; charset=utf-8"})
    again = served.send(GOOD)

    assert (first.status_code, again.json()["events"][0]["result"]) == (202, "duplicate")


def test_percent_encoded_attributes_are_decoded(served: Served) -> None:
    plain = json.loads(GOOD)
    headers = {f"ce-{name}": text for name, text in plain.items() if name not in {"data", "datacontenttype"}}
    wanted = {**headers, "Content-Type": "application/json", "ce-id": "caf%C3%A9", "ce-tenant": "%22x%22"}

    answer = served.send(b'{"units":"3"}', wanted)
    served.publish()

    assert answer.json()["events"][0]["id"] == "café"
    assert json.loads(served.values()[0])["tenant"] == '"x"'
    assert served.send(b"{}", {**wanted, "ce-id": "%ff"}).status_code == 422


def binary(served: Served, *headers: tuple[str, bytes], content_type: str = "application/json") -> Any:
    """The answer to a valid event in binary mode, with these headers beside, or in the place of, its own."""
    given = {name for name, _ in headers}
    own = {f"ce-{name}": text for name, text in json.loads(GOOD).items() if name not in {"data", "datacontenttype"}}
    sent = [(name.encode(), text.encode()) for name, text in own.items() if name not in given]
    sent += [(name.encode(), value) for name, value in headers]
    return served.client.post(
        "/v1/events", content=b'{"units":"3"}', headers=[*sent, (b"content-type", content_type.encode())]
    )


def test_a_quoted_header_is_the_text_in_its_quotes(served: Served) -> None:
    answer = binary(served, ("ce-subject", b'"inv-1"'), ("ce-note", rb'"a \"b\" \\ c%20d"'), ("ce-other", b'"open'))
    served.publish()

    assert answer.status_code == 202
    (sent,) = map(json.loads, served.values())
    assert (sent["subject"], sent["note"], sent["other"]) == ("inv-1", '"b"'.join(["a ", " \\ c d"]), '"open')


@pytest.mark.parametrize(
    "value", ["café".encode(), b"caf\xe9", b"caf%e9", b"%ed%a0%80", b"a%0d%0aX-Council: b", b"%1b%5b2J"]
)
def test_an_id_in_a_header_is_printable_text_in_ascii_or_percent_encoded_utf_8(served: Served, value: bytes) -> None:
    assert binary(served, ("ce-id", value)).status_code == 422
    assert served.publish() == 0


def test_data_in_another_encoding_or_of_two_types_is_refused(served: Served) -> None:
    types = {
        charset: f"application/json; charset={charset}" for charset in ("utf-16", "latin1", '"ISO-8859-1"', "UTF-8")
    }
    two = [(b"content-type", each) for each in (b"application/cloudevents+json", b"application/json")]

    found = {charset: binary(served, content_type=each).status_code for charset, each in types.items()}

    assert found == {"utf-16": 415, "latin1": 415, '"ISO-8859-1"': 415, "UTF-8": 202}
    for headers in (two, two[::-1]):
        assert served.client.post("/v1/events", content=GOOD, headers=headers).status_code == 400


TYPES = [
    ({}, 415),
    ({"Content-Type": "application/json"}, 415),
    ({"Content-Type": "text/plain"}, 415),
    ({"Content-Type": "application/cloudevents+json; charset=utf-16"}, 415),
    ({**STRUCTURED, "Content-Encoding": "gzip"}, 415),
    ({"Content-Type": "text/xml", "ce-id": "1"}, 415),
    ({"Content-Type": "APPLICATION/CloudEvents+JSON; charset=UTF-8"}, 202),
    ({**STRUCTURED, "ce-id": "another"}, 202),
]


def test_the_content_type_decides_how_a_body_is_read(served: Served) -> None:
    assert [served.send(GOOD, headers).status_code for headers, _ in TYPES] == [status for _, status in TYPES]


BODIES = [
    (b"", 400),
    (b"[", 400),
    (b"\xef\xbb\xbf[]", 400),
    (b"[]]", 400),
    (b"{}", 422),
    (b"[1]", 422),
    (b"[]", 202),
    (batch(*[GOOD] * (MAX_EVENTS + 1)), 422),
    (batch(GOOD + b" " * (MAX_EVENT_BYTES + 1)), 202),  # the space is no part of the event
    (b"[" + b" " * 1_048_576 + b"]", 413),
    (b"[" * 100_000, 400),
]


def test_a_body_that_is_no_batch_is_refused(served: Served) -> None:
    assert [served.send(body, BATCH).status_code for body, _ in BODIES] == [status for _, status in BODIES]


def test_a_question_that_is_not_understood_receives_nothing(served: Served) -> None:
    for query in ("?dry_run=yes", "?dry_run=1", "?dry_run=true&dry_run=true", "?dryrun=true"):
        assert served.send(GOOD, query=query).status_code == 400
    assert served.publish() == 0


def test_a_dry_run_says_what_would_be_and_stores_nothing(served: Served) -> None:
    first = served.send(GOOD, query="?dry_run=true")
    served.send(GOOD)
    then = served.send(GOOD, query="?dry_run=true")
    other = served.send(GOOD.replace(b'"units":"3"', b'"units":"4"'), query="?dry_run=true")

    assert (first.status_code, first.json()["dry_run"]) == (200, True)
    assert [each.json()["events"][0]["result"] for each in (first, then)] == ["received", "duplicate"]
    assert other.status_code == 409
    assert served.publish() == 1


# Whose events


@pytest.mark.parametrize(
    ("value", "pointers"),
    [
        (GOOD.replace(SOURCE.encode(), b"/others"), ["#/source"]),
        (GOOD.replace(b'"ashby"', b'"bexhill"'), ["#/council"]),
        (GOOD.replace(SOURCE.encode(), b"/others").replace(b'"ashby"', b'"bexhill"'), ["#/source", "#/council"]),
    ],
)
def test_events_of_others_are_refused_and_audited(served: Served, value: bytes, pointers: list[str]) -> None:
    answer = served.send(value)

    assert answer.status_code == 403
    assert faults(answer) == [(pointer, "NOT_YOURS") for pointer in pointers]
    assert served.publish() == 0


@pytest.mark.parametrize("role", ["operator", "finance", "auditor"])
def test_whoever_is_no_integrator_sends_and_asks_nothing(served: Served, role: str) -> None:
    served.send(GOOD)
    served.caller = Principal.of("somebody", "person", [role], Scope.all())

    assert (served.send(GOOD).status_code, served.ask(COMPLETED.id).status_code) == (403, 403)


def test_an_event_of_others_is_answered_as_a_missing_one(served: Served) -> None:
    served.send(GOOD)
    missing = served.ask("no-such-id")
    served.caller = Principal.of("rival", "machine", ["integrator"], Scope.of("ashby"), sources=["/rival"])
    of_another_source = served.ask(COMPLETED.id)
    served.caller = Principal.of("rival", "machine", ["integrator"], Scope.of("bexhill"), sources=[SOURCE])
    of_another_council = served.ask(COMPLETED.id)

    answers = [missing, of_another_source, of_another_council]
    assert [each.status_code for each in answers] == [404] * 3
    assert len({(each.json()["title"], each.json()["detail"]) for each in answers}) == 1


# When there is too much, or something is away


def test_a_source_that_sends_too_much_is_asked_to_wait_and_others_are_not(served: Served) -> None:
    values = [encode_event(completed(f"inv-{n}", AT)) for n in range(1_000)]
    statuses = [served.send(batch(*values), BATCH, query="?dry_run=true").status_code for _ in range(3)]
    last = served.send(GOOD)
    served.caller = Principal.of("other", "machine", ["integrator"], Scope.of("ashby"), sources=["/other"])
    other = served.send(GOOD.replace(SOURCE.encode(), b"/other"))

    assert statuses == [200, 200, 429]
    assert last.status_code == 429
    assert int(last.headers["retry-after"]) > 0
    assert other.status_code == 202


def test_beyond_what_is_held_back_for_the_log_senders_are_asked_to_come_back(served: Served) -> None:
    served.app.events.count_every_s = 0
    values = [encode_event(completed(f"inv-{n}", AT)) for n in range(MOST_WAITING)]

    taken = served.send(batch(*values), BATCH)
    refused = served.send(GOOD)
    published = served.publish()
    later = served.send(encode_event(completed("inv-x", AT)))

    assert (taken.status_code, refused.status_code, published, later.status_code) == (202, 503, MOST_WAITING, 202)
    assert int(refused.headers["retry-after"]) > 0


def test_while_the_log_is_away_events_are_received_and_then_published_in_order(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = [encode_event(completed(ITEM, AT, id=f"{n}")) for n in range(50)]
    publish = served.bus.publish

    async def uncertain(topic: str, messages: Sequence[Message]) -> Sequence[Place]:
        await publish(topic, messages[:7])
        raise AppendUncertain("no answer came")

    monkeypatch.setattr(served.bus, "publish", uncertain)
    for value in sent:
        assert served.send(value).status_code == 202
        with pytest.raises(AppendUncertain):
            served.publish()
    monkeypatch.setattr(served.bus, "publish", publish)
    served.publish()

    found = served.values()
    assert list(dict.fromkeys(found)) == sent
    assert served.ask("49").json()["published"] is not None


def test_events_are_forgotten_after_their_days_and_never_before_they_are_published(served: Served) -> None:
    served.send(GOOD)
    later_us = epoch_us(datetime.fromisoformat(AT)) + 1
    database = Database.at(served.settings.database)
    store = SqlReceivedEvents(database)

    kept = store.forget(before_us=later_us)
    served.publish()
    too_young = store.forget(before_us=later_us - 1)
    forgotten = store.forget(before_us=later_us)
    database.close()

    assert (kept, too_young, forgotten) == (0, 0, 1)
    assert served.ask(COMPLETED.id).status_code == 404


def test_many_who_send_at_once_are_answered_each_with_their_own(served: Served) -> None:
    events = [encode_event(completed(f"inv-{n}", AT)) for n in range(60)]

    async def receive_all() -> list[list[InsertResult]]:
        handlers, now_ms = served.app.events, epoch_ms(datetime.fromisoformat(AT))
        found = [receive(each, INTEGRATOR, now_ms=now_ms) for each in [*events, *events[:5]]]
        valid = [each for each in found if isinstance(each, ReceivedEvent)]
        return await asyncio.gather(*(handlers.receive(INTEGRATOR, [each]) for each in valid))

    results = asyncio.run(receive_all())

    assert Counter(each for (each,) in results) == {InsertResult.NEW: 60, InsertResult.DUPLICATE: 5}
    assert served.publish() == 60


# Bad input, by what is wrong with it


def changed(old: str, new: str) -> bytes:
    assert old.encode() in GOOD, old
    return GOOD.replace(old.encode(), new.encode())


TIME = '"time":"2026-05-07T12:00:00Z"'
BAD_INPUT = {
    "NaN": (changed('"units":"3"', '"units":NaN'), 422),
    "a number beyond all": (changed('"units":"3"', '"units":1e999'), 422),
    "NaN as text": (changed('"units":"3"', '"units":"NaN"'), 422),
    "an exponent": (changed('"units":"3"', '"units":"1e1000000"'), 422),
    "a number for a decimal": (changed('"units":"3"', '"units":0.30000000000000004'), 422),
    "30 decimals": (changed('"units":"3"', f'"units":"0.{"3" * 30}"'), 422),
    "a key twice": (changed('"council":"ashby"', '"council":"ashby","council":"bexhill"'), 422),
    "true for a number": (changed('"units":"3"', '"units":true'), 422),
    "underscores in a number": (changed('"units":"3"', '"units":"1_000"'), 422),
    "full-width digits": (changed('"units":"3"', '"units":"１２"'), 422),
    "5,000 digits": (changed('"units":"3"', f'"units":{"9" * 5_000}'), 422),
    "below nothing": (changed('"units":"3"', '"units":"-5"'), 422),
    "a million million": (changed('"units":"3"', '"units":"1000000000000"'), 422),
    "NUL": (changed('"inv-1"', '"inv\\u0000"'), 422),
    "half a surrogate pair": (changed('"inv-1"', '"inv\\ud800"'), 422),
    "100,000 brackets": (b"[" * 100_000, 422),
    "nothing": (b"", 422),
    "no UTF-8": (b"\xff\xfe", 422),
    "a byte order mark": (b"\xef\xbb\xbf" + GOOD, 422),
    "a time without a zone": (changed(TIME, '"time":"2026-03-29T01:30:00"'), 422),
    "epoch seconds": (changed(TIME, '"time":1778155200'), 422),
    "year 1": (changed(TIME, '"time":"0001-01-01T00:00:00+14:00"'), 422),
    "year 9999": (changed(TIME, '"time":"9999-12-31T23:59:59-14:00"'), 422),
    "a leap second": (changed(TIME, '"time":"2026-05-07T12:00:60Z"'), 422),
    "an offset of nearly a day": (changed(TIME, '"time":"2026-05-08T11:59:00+23:59"'), 202),
    "a date alone": (changed(TIME, '"time":"2026-05-07"'), 422),
    "six minutes ahead": (changed(TIME, '"time":"2026-05-07T12:06:00Z"'), 422),
    "1970": (changed(TIME, '"time":"1970-01-01T00:00:00Z"'), 422),
    "401 days old": (changed(TIME, '"time":"2025-04-01T12:00:00Z"'), 422),
    "an invisible character in an id": (changed('"inv-1"', '"inv\u200b1"'), 422),
    "letters from right to left": (changed('"inv-1"', '"inv\u202e1"'), 422),
    "an escape sequence of terminals": (changed(f'"{COMPLETED.id}"', '"\\u001b[2Jx"'), 422),
    "a line break in an id": (changed(f'"{COMPLETED.id}"', '"a\\nb"'), 422),
    "an id that reads from right to left": (changed(f'"{COMPLETED.id}"', '"a\u202eb"'), 422),
    "SQL": (changed('"inv-1"', '"\' OR 1=1--"'), 422),
    "a formula": (changed('"units":"3"', '"outcome":"=HYPERLINK(1)"'), 422),
    "markup": (changed('"units":"3"', '"outcome":"<script>"'), 422),
    "an unknown council": (changed('"ashby"', '"nowhere"'), 403),
    "the next version of a type": (changed("completed.v1", "completed.v2"), 422),
    "a phone number": (changed('"units":"3"', '"units":"3","note":"07700 900123"'), 422),
    "a postcode in a name": (changed('"units":"3"', '"units":"3","SW1A 1AA":"x"'), 422),
    "an unknown attribute": (GOOD[:-1] + b',"is_admin":"yes"}', 202),
}


def test_bad_input_has_its_answer_and_none_is_a_failure(served: Served) -> None:
    found: dict[str, int] = {}
    for what, (body, _) in BAD_INPUT.items():
        value = body.replace(COMPLETED.id.encode(), f"id-{len(found)}".encode())
        found[what] = served.send(value).status_code

    assert found == {what: status for what, (_, status) in BAD_INPUT.items()}


@pytest.mark.parametrize(
    ("source", "id_"),
    [("' OR 1=1--", "x"), ("%", "%"), ("x" * 300, "x"), ("", "x"), ("a\x00b", "x"), ("\ud7ff", "%00"), ("../..", "//")],
)
def test_asking_in_bad_words_is_refused_or_finds_nothing(served: Served, source: str, id_: str) -> None:
    assert served.ask(id_, source).status_code in {400, 404}


def test_a_request_with_two_credentials_is_refused(served: Served) -> None:
    answer = served.client.post(
        "/v1/events", content=GOOD, headers=[("Authorization", "a"), ("Authorization", "b"), *STRUCTURED.items()]
    )

    assert answer.status_code == 400
