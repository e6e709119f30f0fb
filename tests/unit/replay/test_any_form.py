"""However the same tickets are written, they make the same events, to the byte of each id."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import assume, given
from hypothesis import strategies as st

from shared.contracts.envelope import ItemEvent
from tallystick.replay.suggested import suggest
from tests.support.any_form import FORMS, LONDON, Form, Ticket, mapping_text, write_export
from tests.support.laws import law
from tests.support.replays import TICKETS, Replayed, mapping_of, replay, replay_file

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def ticket(number: str, council: str, opened: int, took: int | None) -> Ticket:
    """`opened` is in minutes since New Year, `took` in minutes."""
    at = NEW_YEAR + timedelta(minutes=opened)
    return Ticket(number, council, at, None if took is None else at + timedelta(minutes=took))


def can_be_written(found: Ticket) -> bool:
    """In the night of 25 October an hour came twice: without an offset, a text of it means the first."""
    return all(at is None or at.astimezone(LONDON).fold == 0 for at in (found.opened, found.resolved))


TICKET = st.builds(
    ticket,
    number=st.sampled_from(["1", "007", "INC-1", "a.b", "2"]),
    council=st.sampled_from(["Adur", "Worthing", "Môn", "North East Derbyshire"]),
    opened=st.integers(min_value=0, max_value=364 * 1440),
    took=st.none() | st.integers(min_value=0, max_value=20_000),
).filter(can_be_written)
TICKETS_OF_A_FILE = st.lists(TICKET, min_size=1, max_size=6, unique_by=lambda found: (found.number, found.council))


def plain(tickets: list[Ticket]) -> str:
    """The tickets as a CSV with times in ISO 8601 and UTC."""
    rows = [
        f"{each.number},{each.council},{each.opened.isoformat()},{each.resolved.isoformat() if each.resolved else ''}\n"
        for each in tickets
    ]
    return "number,council,opened,resolved\n" + "".join(rows)


@law
@given(TICKETS_OF_A_FILE, FORMS)
def test_the_same_tickets_make_the_same_events_however_they_are_written(tickets: list[Ticket], form: Form) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        export = write_export(folder, tickets, form)
        found = replay_file(mapping_of(folder, mapping_text(form)), export)
        alike = replay(folder, TICKETS, plain(tickets))

    assert found.rejected == []
    assert sorted(found.timed) == sorted(alike.timed)
    assert found.counts.unaccounted == 0


def happened(replayed: Replayed) -> Counter[tuple[str, str, str, str]]:
    """What the events say, whatever their source and their ids."""
    return Counter(
        (name, event.council, event.subject, event.time.isoformat())
        for name, event in zip(replayed.names, replayed.events, strict=True)
        if isinstance(event, ItemEvent)
    )


@law
@given(st.lists(TICKET, min_size=4, max_size=12, unique_by=lambda found: found.number + found.council), FORMS)
def test_a_suggested_mapping_makes_the_same_events_or_asks_for_the_order_of_days_and_months(
    tickets: list[Ticket], form: Form
) -> None:
    tickets = [each._replace(number=f"{each.number}-{index}") for index, each in enumerate(tickets)]
    assume(any(each.resolved for each in tickets))
    with TemporaryDirectory() as name:
        folder = Path(name)
        export = write_export(folder, tickets, form)
        suggestion = suggest(export, zone="Europe/London")
        if suggestion.undecided:
            assert [each.split(":")[0] for each in suggestion.undecided] == ["whether days or months come first"]
            return
        found = replay_file(mapping_of(folder, suggestion.text), export)
        alike = replay(folder, TICKETS, plain(tickets))

    assert found.rejected == []
    assert happened(found) == happened(alike)
