"""A statement computed again from the records of its tally: usage, credits, lines and totals.

What it depends on and cannot be computed from one month's events is taken as stated and named in `notes`: statements of
earlier months, which have tallies of their own, and corrections of them.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, get_args

import msgspec

from billing.domain.canonical import canonical_json
from billing.domain.credits.attainment import TargetAttainment
from billing.domain.issued import Issued
from billing.domain.metering import EventReceived, london_day
from billing.domain.rating.pipeline import LineFailed
from billing.domain.rules import RULES_VERSION, changed_since
from billing.domain.sealed import UnreadableStatement, statement_of
from billing.domain.statement import (
    NoAgreement,
    Statement,
    Status,
    UnknownCouncil,
    build_statement,
    services_with_details,
)
from billing.domain.terms import Terms
from billing.domain.usage import metered_services
from billing.tally.dependence import months_needed
from billing.tally.reading import TallyFault
from billing.tally.records import (
    TOPIC_OF,
    TallyDefinition,
    TallyEarlier,
    TallyEvent,
    TallyHeader,
    TallyVerdict,
    event_of,
)
from billing.tally.recount import RECORDED, Recount
from billing.tally.terms import DefinitionFault, terms_of
from shared.log.failures import CodeFailure, attempt
from shared.money import format_gbp_prose
from shared.period import InvalidMonth, Month

# Of one item or reading. No system sends as many, and they are held together.
MOST_EVENTS_OF_ONE = 100_000
MOST_FAULTS = 1000
_STATUSES: dict[str, Status] = {each: each for each in get_args(Status)}
_CREDIT = "service-credit"
_BY_ISSUING = frozenset({"issued", "corrections", "corrections_pence", "payable_pence"})
_WITH_CORRECTIONS = frozenset({"vat", "gross_pence"})  # in these they are added to what the month itself comes to


class TallyRecomputation:
    """What follows from the records so far. Raises `TallyFault` for one that no tally can have."""

    def __init__(
        self,
        header: TallyHeader,
        definitions: Sequence[TallyDefinition],
        earlier: Sequence[TallyEarlier],
        issued: Issued | None,
    ) -> None:
        self._council, self._sealed_by = header.council, header.rules_version
        self._status = _status_of(header)
        self._month, self._terms = _month_of(header.month), _terms_of(definitions)
        self._earlier = [_earlier_of(each, header.council) for each in earlier]
        self._recount = Recount(
            self._month,
            services_with_details(self._terms, self._council, self._month),
            metered_services(self._terms, self._council, self._month),
        )
        # A statement from before such places were stated names none.
        through = () if issued is None else issued.read_through
        self._through = {(each.topic, each.partition): each.next_offset for each in through}
        self._attained: dict[tuple[str, str, str], list[int]] = {}
        self._group: list[EventReceived] = []
        self._of: tuple[str | None, ...] = ()
        self._faults: list[str] = []
        self.failed: list[str] = []
        self.notes: list[str] = [
            f"The statement of {each.month} is taken as stated: {_sha256(each)}; check its own tally for it."
            for each in self._earlier
        ]

    def add_event(self, record: TallyEvent) -> None:
        """The event is counted with those of its item or reading, which come together."""
        event = event_of(record, self._council)
        self._require_place(record, event)
        of = group_of(event)
        if of != self._of:
            self._count()
            self._of = of
        self._group.append(event)
        if len(self._group) > MOST_EVENTS_OF_ONE:
            raise TallyFault(f"{event.item} has more than {MOST_EVENTS_OF_ONE:,} events, which no item has")

    def add_verdict(self, record: TallyVerdict) -> None:
        """The verdict counts towards the attainment of its target."""
        sums = self._attained.setdefault((record.agreement, record.service, record.target), [0, 0, 0, 0])
        value, is_met = record.value_pence or 0, record.outcome == "met"
        for place, more in enumerate((int(is_met), 1, value if is_met else 0, value)):
            sums[place] += more

    def end(self) -> None:
        """Every event is counted."""
        self._count()

    def faults(self, stated: Statement | None) -> Iterator[str]:
        """What is wrong with the file's own parts, or is not there though what is `stated` depends on it."""
        yield from self._faults
        had = {each.month for each in self._earlier}
        credits = stated.credits if stated is not None else ()
        for month in months_needed(self._terms, self._council, self._month, credits):
            if month not in had:
                yield f"the statement of {month}, on which this month depends, is not in the file"

    def statement_like(self, stated: Statement | None) -> Statement | None:
        """The statement computed again; what only issuing adds is as `stated`. None where it could not be computed."""
        again = attempt(self._built)
        if isinstance(again, CodeFailure):
            raise TallyFault(f"the statement could not be computed again from the file: {again}")
        if isinstance(again, str):
            raise TallyFault(f"the statement does not follow from the file: {again}")
        if stated is None:
            return again
        if stated.corrections:
            self.notes.append(
                f"Corrections of earlier months, {format_gbp_prose(stated.corrections_pence)} in all, are taken as "
                "stated: each names the events that it follows from."
            )
        return replace(again, issued=stated.issued, corrections=stated.corrections, booked_nets=stated.booked_nets)

    def comparable(self, stated: dict[str, Any], again: Statement) -> tuple[dict[str, Any], dict[str, Any]]:
        """Both as JSON, without what these rules of rating may rate otherwise than those by which it was sealed."""
        found: dict[str, Any] = msgspec.json.decode(canonical_json(again))
        if again.issued is None and self._status == "issued":
            # The statement contradicts itself, and what issuing adds cannot be read: the rest is compared.
            gone = _BY_ISSUING | (_WITH_CORRECTIONS if stated.get("corrections") else frozenset())
            stated = {name: value for name, value in stated.items() if name not in gone}
            found = {name: value for name, value in found.items() if name not in gone}
        if self._sealed_by == RULES_VERSION == stated.get("rules_version"):
            return stated, found
        if stated.get("rules_version") != self._sealed_by:
            raise TallyFault(
                f"the file says that it was sealed by the rules of rating {self._sealed_by}, and its statement says "
                f"{stated.get('rules_version')}"
            )
        left_out = _without_changed(stated, self._sealed_by) + _without_changed(found, self._sealed_by)
        self.notes.append(
            f"It was sealed by the rules of rating {self._sealed_by}, and this release has {RULES_VERSION}: "
            + (
                f"{left_out // 2} lines may be rated otherwise by now and were not compared, nor were the totals with "
                "them; counts, sums, digests and the signature were."
                if left_out
                else "they rate none of its lines otherwise."
            )
        )
        return stated, found

    def _built(self) -> Statement | str:
        try:
            return build_statement(
                self._terms,
                self._council,
                self._month,
                self._recount.usage(),
                attained=self._attainment(),
                earlier=self._earlier,
                status=self._status,
                failed=self.failed,
                details=self._recount.details(),
                events=self._recount.events(),
            )
        except (UnknownCouncil, NoAgreement, LineFailed) as fault:
            return str(fault)

    def _attainment(self) -> list[TargetAttainment]:
        return [
            TargetAttainment(*sums, agreement=agreement, service=service, target=target)
            for (agreement, service, target), sums in sorted(self._attained.items())
        ]

    def _count(self) -> None:
        if len(self._faults) > MOST_FAULTS:
            raise TallyFault(self._faults[0])
        if self._group and self._group[0].stream == "usage":
            self._recount.add_reading(self._group)
        elif self._group:
            self._recount.add_item(self._group)
        self._group = []

    def _require_place(self, record: TallyEvent, event: EventReceived) -> None:
        """Where in the log it says it is, there it can be, and it is of the day of its instant."""
        if record.topic != TOPIC_OF[record.stream]:
            self._faults.append(f"the event {event.origin.id} cannot be on the topic {record.topic}")
        if event.type != RECORDED and event.day != london_day(event.origin.at_us):
            self._faults.append(f"the event {event.origin.id} is not of the day {event.day}, by its own instant")
        if not self._through:
            return
        end = self._through.get((record.topic, record.partition), 0)
        if record.offset >= end:
            self._faults.append(
                f"the event {event.origin.id} at {record.topic}/{record.partition} offset {record.offset:,} had not "
                f"been read when the statement was issued: it was read to {end:,}"
            )


def group_of(event: EventReceived) -> tuple[str | None, ...]:
    """An item, or a reading with whatever names it."""
    if event.stream != "usage":
        return event.stream, event.item
    is_reading = event.type == RECORDED or event.target_id is None
    return (event.stream, *((event.origin.source, event.origin.id) if is_reading else _target(event)))


def _target(event: EventReceived) -> tuple[str | None, str | None]:
    return event.target_source, event.target_id


def _without_changed(statement: dict[str, Any], version: int) -> int:
    """The lines that may be rated otherwise are gone, with all that counts them; how many there were."""
    gone = 0
    for service in statement["services"]:
        kept = [line for line in service["lines"] if not changed_since(version, line["kind"])]
        gone += len(service["lines"]) - len(kept)
        service["lines"] = [{**line, "rules_version": version} for line in kept]
    credits = statement.get("service_credits", [])
    if gone or changed_since(version, _CREDIT):
        gone += len(credits)
        statement.pop("service_credits", None)
    totals = ("total_pence", "vat", "gross_pence", "payable_pence", "charges_pence", "credits_pence")
    for name in (*totals, "rectification_plans") if gone else ():
        statement.pop(name, None)
    for service in statement["services"] if gone else ():
        service.pop("total_pence")
    statement["rules_version"] = version
    return gone


def _status_of(header: TallyHeader) -> Status:
    if header.status not in _STATUSES:
        raise TallyFault(f"the file is of a statement in the state {header.status!r}, which there is none of")
    return _STATUSES[header.status]


def _month_of(text: str) -> Month:
    try:
        return Month.parse(text)
    except InvalidMonth as fault:
        raise TallyFault(str(fault)) from None


def _terms_of(definitions: Sequence[TallyDefinition]) -> Terms:
    try:
        return terms_of(definitions)
    except DefinitionFault as fault:
        raise TallyFault(str(fault)) from None


def _earlier_of(record: TallyEarlier, council: str) -> Statement:
    content = bytes(record.content)
    try:
        statement = statement_of(content)
    except UnreadableStatement as fault:
        raise TallyFault(f"the statement of {record.month}, on which this month depends: {fault}") from None
    if hashlib.sha256(content).hexdigest() != record.sha256:
        raise TallyFault(f"the statement of {record.month} in the file does not have the SHA-256 that is given for it")
    if (statement.council.id, str(statement.month)) != (council, record.month):
        raise TallyFault(f"what the file has as the statement of {record.month} is of another council or month")
    return statement


def _sha256(statement: Statement) -> str:
    number = statement.issued.number if statement.issued else "a draft"
    return f"{number}, {hashlib.sha256(canonical_json(statement)).hexdigest()}"
