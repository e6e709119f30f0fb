"""What the catalogue holds: councils, services, calendars, agreements, targets, tariffs, partnerships, price indexes.

The same types are read from a partnership's file, stored, published on catalogue.changes.v1 and answered by the
API. Dates are local (Europe/London unless the calendar names a zone); `effective_to` is excluded. Every definition
is a version: nothing is edited, a later version replaces it from its `effective_from` on.
"""

from datetime import date
from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct, field

from shared.contracts.charges import NO_TERMS, Charge, ChargeTerms
from shared.contracts.credits import ServiceCredits
from shared.contracts.indexes import IndexFigure, UpliftClause
from shared.contracts.meters import Meter, NamedMeter
from shared.contracts.parties import CouncilParty, EmailAddress, ProviderParty
from shared.contracts.scalars import ID_PATTERN, Amount, AwaitedParty, CutOff, FinanceCode, Id, Percent, Title
from shared.contracts.thresholds import BEFORE_DUE_PATTERN, THRESHOLD_PATTERN
from shared.contracts.vat import VatRates, VatTreatment
from shared.holidays import Division
from shared.instants import TIME_OF_DAY_PATTERN

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)  # Monday is 0
Nation = Literal["england", "wales", "scotland", "northern-ireland"]
Measure = Literal[
    "response-time", "resolution-time", "update-interval", "periodic-update", "processing-time", "availability"
]
# What counts from each question, or from each update, to the next answer.
UPDATES: tuple[Measure, ...] = ("update-interval", "periodic-update")
# "09:00-17:00"; "22:00-06:00" runs into the next day; 24:00 is an end.
_TIME = rf"{TIME_OF_DAY_PATTERN}(:[0-5][0-9])?"
HOURS_PATTERN = rf"^{_TIME}-({_TIME}|24:00(:00)?)(?![\s\S])"
Hours = Annotated[str, Meta(pattern=HOURS_PATTERN, description="local wall time, end excluded: 09:00-17:00")]
# What members of a partnership see of each other's recharges, from nothing to each line with its price.
MembersSee = Literal["none", "totals", "shares", "all"]
WeekdayOrDate = Annotated[
    str,
    Meta(
        pattern=rf"^({'|'.join(WEEKDAYS)}|[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})(?![\s\S])",
        description="a weekday like mon, or a date like 2026-12-24",
    ),
]
Text = Annotated[str, Meta(max_length=2000)]
# So many days after a month's last day its statement is issued at the latest.
IssueDays = Annotated[int, Meta(ge=1, le=365)]
GssCode = Annotated[str, Meta(pattern=r"^[ENSW][0-9]{8}(?![\s\S])", description="ONS code, nine characters")]
EVERY_SERVICE = "*"
ServiceOrAll = Annotated[
    str, Meta(pattern=rf"^\*(?![\s\S])|{ID_PATTERN}", description="the id of a service, or * for every one")
]
Within = Annotated[
    str,
    Meta(
        pattern=THRESHOLD_PATTERN,
        description="a duration like '8 working hours', '10 working days', '30 days' or '1 month', "
        "or 'recorded due date'",
    ),
]


WarnAt = (
    Annotated[int, Meta(ge=1, le=99, description="a percentage of the time allowed, 1 to 99")]
    | Annotated[
        str, Meta(pattern=BEFORE_DUE_PATTERN, description="1 to 99, or a time before due like '2 working hours before'")
    ]
)


class Definition(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One version of one thing."""

    id: Id
    effective_from: date = date(2000, 1, 1)


class Provider(Definition, frozen=True, kw_only=True):
    """The organisation that delivers services to the councils, and the VAT rates that it charges, by date.

    It issues a month's statements within `issue_days` after the month's last day, where no agreement says otherwise.
    """

    name: Title
    gss: GssCode | None = None
    party: ProviderParty | None = None
    vat_rates: Annotated[tuple[VatRates, ...], Meta(max_length=50)] = ()
    issue_days: IssueDays | None = None


class Council(Definition, frozen=True, kw_only=True):
    """A council that is served and recharged. One that ends names its successors.

    `gss` and `nation` are missing only where there are none: for another country's data, or for departments. A mail
    goes to `statements_to`, a team's mailbox, once a statement is there or a query is answered. Write down no person.
    """

    name: Title
    gss: GssCode | None = None
    nation: Nation | None = None
    effective_to: date | None = None
    successors: tuple[Id, ...] = ()
    party: CouncilParty | None = None
    statements_to: EmailAddress | None = None


class Service(Definition, frozen=True, kw_only=True):
    """A kind of work, and what one unit of it is. `counted_by` says which records meter it: a name, or written out."""

    name: Title
    group: Title
    unit: Id
    unit_name: Title
    counted_by: NamedMeter | Meter
    lgsl: int | None = None


class Calendar(Definition, frozen=True, kw_only=True):
    """Service hours. Closed dates beat `dates`, which beat `weekly`; `breaks` are taken out last.

    `breaks` are those of a weekday, or of a date in place of its weekday's. `holidays` names divisions whose bank
    holidays close (their union); `worked_holidays` are taken out of it.
    `closed` maps a date to its title: closures in a file; a published version adds the bank holidays known at that
    time, so that it means the same for ever. Hours past midnight belong to the day on which they start.
    """

    name: Title
    zone: str = "Europe/London"
    weekly: dict[Weekday, tuple[Hours, ...]]
    dates: dict[date, tuple[Hours, ...]] = field(default_factory=dict)
    breaks: dict[WeekdayOrDate, tuple[Hours, ...]] = field(default_factory=dict)
    holidays: tuple[Division, ...] = ()
    worked_holidays: tuple[date, ...] = ()
    closed: dict[date, Title] = field(default_factory=dict)


class Objective(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The share of items that must meet the threshold in a period: 95% over a month."""

    percent: Percent
    over: Literal["month", "quarter", "financial-year"] = "month"
    weighted_by: Literal["count", "value"] = "count"
    minimum_sample: int = 0  # below it the objective is neither met nor missed
    misses_always_allowed: int = 0  # the low-volume floor: this many misses never fail a period


class Target(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is agreed for one measure of one service: a threshold for each item, an objective for the period."""

    id: Id
    service: ServiceOrAll
    measure: Measure
    within: Within
    calendar: Id | None = None  # needed by working hours and days; elapsed time without one uses Europe/London days
    objective: Objective | None = None
    when: dict[str, tuple[str, ...]] = field(default_factory=dict)  # priority or attribute → accepted values
    day_rule: Literal["closing-time", "same-time", "following-days"] = "closing-time"
    cut_off: CutOff | None = None  # 16:00: received later counts as the next working day (closing-time rule only)
    # of calendar days: due when the first working day from there closes (of months, too), or at the end of the date
    ends_on: Literal["next-working-day", "end-of-day"] | None = None
    warn_at: tuple[WarnAt, ...] = (75, 90)
    starts: Literal["opened", "assigned", "first-active"] = "opened"
    paused_by: tuple[AwaitedParty, ...] | None = None  # None: as is usual for the measure
    pause_counts: Literal["seconds", "whole-days"] = "seconds"  # how a pause moves a due date given in days
    reopen: Literal["continue", "new-cycle", "first-close-is-final"] = "continue"
    reopen_window_days: int = 0  # with new-cycle: a reopen within so many days continues the same clock
    on_change: Literal["from-start", "from-change"] = "from-start"

    def is_of(self, service: str) -> bool:
        """Whether it is a target of that service: its own, or one of every service."""
        return self.service in (EVERY_SERVICE, service)


class ServiceVat(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How VAT treats a service under an agreement, and why; `*` is every service that has no entry of its own.

    An `illustrative` treatment is an example: which one is right needs advice.
    """

    service: ServiceOrAll
    treatment: VatTreatment
    reason: Title
    illustrative: bool = False


class ServiceCoding(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where the council books what a service costs it; `*` is every service that has no entry of its own.

    The codes are the council's. `illustrative` ones are examples, of no council's ledger.
    """

    service: ServiceOrAll
    cost_centre: FinanceCode | None = None
    ledger_code: FinanceCode | None = None
    purchase_order: FinanceCode | None = None
    illustrative: bool = False


class Agreement(Definition, frozen=True, kw_only=True):
    """The targets, tariffs, service credits, VAT and finance codes agreed with one council, and from when to when.

    `members_see` is how much of its recharge other members of a partnership with the same provider are shown. A draft
    statement is open for the council's review for `review_days` before it is issued; none where nothing is agreed. A
    correction of an issued month is settled in the next statement, or by a credit note where it is to the council's
    favour and `corrections_by` says so; one of less than `corrections_from_gbp` is listed and carried forward, and one
    of a month that was over more than `corrections_until_months` before is listed and left out. Rules of rating newer
    than `corrections_rules_version` reprice no issued month. The provider answers a query within `query_reply_days`
    working days of England and Wales; 10 where nothing is agreed. A statement that is not issued `issue_days` after its
    month's last day is late; where nothing is agreed, the provider's own `issue_days` count.
    """

    council: Id
    provider: Id
    title: Title
    effective_to: date | None = None
    attributed_by: Literal["due", "completed", "decided"] = "due"
    targets: tuple[Target, ...] = ()
    tariffs: tuple[Id, ...] = ()
    credits: ServiceCredits | None = None
    vat: Annotated[tuple[ServiceVat, ...], Meta(max_length=200)] = ()
    coding: Annotated[tuple[ServiceCoding, ...], Meta(max_length=200)] = ()
    members_see: MembersSee = "none"
    review_days: Annotated[int, Meta(ge=0, le=90)] | None = None
    corrections_by: Literal["next-statement", "credit-note"] = "next-statement"
    corrections_from_gbp: Amount | None = None
    corrections_until_months: Annotated[int, Meta(ge=1, le=120)] | None = None
    corrections_rules_version: Annotated[int, Meta(ge=1, le=10_000)] = 1
    query_reply_days: Annotated[int, Meta(ge=1, le=90)] | None = None
    issue_days: IssueDays | None = None

    def vat_of(self, service: str) -> ServiceVat | None:
        """How VAT treats the service: by its own entry, or by that of every service; None where none is recorded."""
        by_service = {each.service: each for each in self.vat}
        return by_service.get(service) or by_service.get(EVERY_SERVICE)

    def coding_of(self, service: str) -> ServiceCoding | None:
        """Where the service is booked: by its own entry whole, or by that of every service; None where by neither."""
        by_service = {each.service: each for each in self.coding}
        return by_service.get(service) or by_service.get(EVERY_SERVICE)


class PriceIndex(Definition, frozen=True, kw_only=True):
    """The published figures of an index of prices or pay, by month, ascending; a new figure is a new version.

    `illustrative` figures were published by nobody.
    """

    name: Title
    figures: Annotated[tuple[IndexFigure, ...], Meta(max_length=1000)] = ()
    illustrative: bool = False


class Tariff(Definition, frozen=True, kw_only=True):
    """What a council pays for a service each month. `on_change`: how tiers continue when a version changes mid-month.

    `uplift` says how the next version's prices follow an index; until it is recorded nothing changes by itself.
    `illustrative` prices are examples, not agreed by any council: they and their charges are labelled so everywhere.
    """

    service: Id
    name: Title
    charges: Annotated[tuple[Charge, ...], Meta(min_length=1)]
    terms: ChargeTerms = NO_TERMS
    on_change: Literal["restart", "continue"] = "restart"
    uplift: UpliftClause | None = None
    illustrative: bool = False


class Benefit(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What the partnership promised for a financial year (2026 = from 1 April 2026), and where that is written."""

    id: Id
    kind: Literal["savings", "quality"]
    financial_year: int | None = None  # None: over all years
    promised_gbp: Amount | None = None
    promised_percent: Percent | None = None
    baseline_percent: Percent | None = (
        None  # quality: the share of items that met their targets before, where it is known
    )
    baseline: Text = ""
    source: Text = ""
    illustrative: bool = True


class Partnership(Definition, frozen=True, kw_only=True):
    """A provider, its councils and the benefits that their partnership promised."""

    name: Title
    provider: Id
    councils: tuple[Id, ...]
    note: Text = ""
    benefits: tuple[Benefit, ...] = ()


AnyDefinition = Provider | Council | Service | Calendar | Agreement | PriceIndex | Tariff | Partnership


def council_of(definition: AnyDefinition) -> str | None:
    """The council that it is about; None for what councils share: providers, services, calendars, tariffs …"""
    match definition:
        case Council(id=council) | Agreement(council=council):
            return council
        case _:
            return None
