"""The comparison as it is answered: as JSON, as CSV with one row for each council and service, and in words."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from shared.csv_cells import escape_formula
from shared.faults import did_you_mean
from shared.money import format_gbp, plain_gbp
from shared.period import Month
from shared.web.formats import counted
from tallystick.compare.differences import CAUSES, RechargeDifference, differences
from tallystick.compare.recharge_rows import EarlierRecharges
from tallystick.compare.statement_charges import StatementCharges
from tallystick.console import plain_table

_FIGURES = ("In the file", "Tallystick", "Difference")


class CauseAnswer(Struct, frozen=True):
    """So many pence more (less: below 0) for one cause; `why` has its figures."""

    cause: str
    pence: int
    why: str


class ServiceComparison(Struct, frozen=True):
    """One council's recharge for one service, before VAT and after credits; null where there is none."""

    council: str
    council_name: str
    service: str
    service_name: str
    file_pence: int | None
    tallystick_pence: int | None
    difference_pence: int
    causes: tuple[CauseAnswer, ...]


class ComparisonSum(Struct, frozen=True):
    """The sum of a council, of a service, or of all."""

    id: str
    name: str
    file_pence: int
    tallystick_pence: int
    difference_pence: int


class RefusedRow(Struct, frozen=True):
    """A row of the file that is in no figure."""

    line: int
    reason: str


class RechargeComparison(Struct, frozen=True):
    """A spreadsheet of recharges beside Tallystick's of the months from `first_month` to `last_month`."""

    first_month: str
    last_month: str
    recharges: tuple[ServiceComparison, ...]
    by_council: tuple[ComparisonSum, ...]
    by_service: tuple[ComparisonSum, ...]
    by_cause: dict[str, int]
    total: ComparisonSum
    rows: int
    rows_left_out: dict[str, int]
    refused: tuple[RefusedRow, ...]
    notes: tuple[str, ...]


def compared(earlier: EarlierRecharges, stated: StatementCharges, first: Month, last: Month) -> RechargeComparison:
    """Every council and service of both, the sums, and what became of the file's rows."""
    names = earlier.names | stated.names
    found = differences(earlier.rows, stated.charges)
    return RechargeComparison(
        first_month=str(first),
        last_month=str(last),
        recharges=tuple(_service(each, names) for each in found),
        by_council=_sums(found, names, [each.council for each in found]),
        by_service=_sums(found, names, [each.service for each in found]),
        by_cause=_by_cause(found),
        total=_sum("", "All", found),
        rows=earlier.rows_read,
        rows_left_out=dict(earlier.left_out),
        refused=tuple(RefusedRow(each.line, each.reason) for each in earlier.refused),
        notes=tuple(_notes(earlier, stated)),
    )


def comparison_csv(found: RechargeComparison) -> str:
    """A row for each council and service, a column for each cause, in pounds. Every column can be summed."""
    written = io.StringIO()
    writer = csv.writer(written)
    head = "council", "council_name", "service", "service_name", "file_gbp", "tallystick_gbp", "difference_gbp"
    writer.writerow([*head, *(f"{cause.replace('-', '_')}_gbp" for cause in CAUSES), "why"])
    for each in found.recharges:
        by_cause = {cause.cause: cause.pence for cause in each.causes}
        names = each.council, escape_formula(each.council_name), each.service, escape_formula(each.service_name)
        amounts = (each.file_pence or 0, each.tallystick_pence or 0, each.difference_pence)
        pence = (*amounts, *(by_cause.get(cause, 0) for cause in CAUSES))
        writer.writerow([*names, *map(plain_gbp, pence), "; ".join(f"{one.cause}: {one.why}" for one in each.causes)])
    return written.getvalue()


def comparison_lines(found: RechargeComparison) -> Iterator[str]:
    """For people: a table of councils and services, why each is different, the sums by service and by cause."""
    rows = [(each.council_name, each.service_name, *_figures(each)) for each in found.recharges]
    total = ("All", "", *_figures(found.total))
    yield from plain_table(("Council", "Service", *_FIGURES), [*rows, total], right=_FIGURES)
    yield ""
    for each in found.recharges:
        if each.causes:
            yield f"{each.council_name}, {each.service_name}: {signed(each.difference_pence)}"
        yield from (f"  {signed(cause.pence)} {cause.cause}: {cause.why}" for cause in each.causes)
    yield ""
    sums = [(each.name, *_figures(each)) for each in found.by_service]
    yield from plain_table(("By service", *_FIGURES), sums, right=_FIGURES)
    yield ""
    causes = [(cause, signed(amount)) for cause, amount in found.by_cause.items()]
    yield from plain_table(
        ("By cause", "Difference"), [*causes, ("all", signed(found.total.difference_pence))], right=("Difference",)
    )
    yield ""
    yield from _row_lines(found)
    yield from found.notes


def signed(amount_pence: int) -> str:
    """`+£3.00`, `−£0.90`, `£0.00`."""
    text = format_gbp(amount_pence).removesuffix(" credit")
    return f"+{text}" if amount_pence > 0 else text


def _row_lines(found: RechargeComparison) -> Iterator[str]:
    left_out = sum(found.rows_left_out.values())
    taken = found.rows - left_out - len(found.refused)
    yield f"{counted(found.rows, 'row')} = {taken:,} compared + {left_out:,} left out + {len(found.refused):,} refused"
    yield from (
        f"  left out: {why.removeprefix('left out ')}: {count:,}" for why, count in sorted(found.rows_left_out.items())
    )
    yield from (f"  refused: line {each.line}: {each.reason}" for each in found.refused)


def _notes(earlier: EarlierRecharges, stated: StatementCharges) -> Iterator[str]:
    councils = {council for council, _ in stated.charges}
    for council in sorted({council for council, _ in earlier.rows} - councils):
        near = did_you_mean(council, councils)
        yield f"No statement of {earlier.names[council]!r} ({council}) was found{near}."
    services = {service for _, service in stated.charges}
    for service in sorted({service for _, service in earlier.rows} - services):
        near = did_you_mean(service, services)
        yield f"No statement charges {earlier.names[service]!r} ({service}){near}."
    if stated.corrections_pence:
        amount = format_gbp(stated.corrections_pence)
        yield f"Corrections of earlier months are not compared: the statements have {amount} of them."
    if stated.unfinished:
        yield f"So far only, because the month goes on: {', '.join(stated.unfinished)}."
    if stated.illustrative:
        yield "Illustrative: example prices, not agreed by any council."
    yield from (f"Of the file: {what}." for what in earlier.notes)


def _service(each: RechargeDifference, names: dict[str, str]) -> ServiceComparison:
    return ServiceComparison(
        each.council,
        names[each.council],
        each.service,
        names.get(each.service, each.service),
        each.file_pence,
        each.tallystick_pence,
        each.difference_pence,
        tuple(CauseAnswer(cause.cause, cause.pence, cause.why) for cause in each.causes),
    )


def _by_cause(found: Iterable[RechargeDifference]) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for each in found:
        for cause in each.causes:
            sums[cause.cause] += cause.pence
    return {cause: sums[cause] for cause in CAUSES if cause in sums}


def _sums(found: Sequence[RechargeDifference], names: dict[str, str], ids: Sequence[str]) -> tuple[ComparisonSum, ...]:
    """One for each of `ids`, which has the id of each of `found` by which they are summed."""
    by_id: dict[str, list[RechargeDifference]] = {}
    for id_, each in zip(ids, found, strict=True):
        by_id.setdefault(id_, []).append(each)
    return tuple(_sum(id_, names.get(id_, id_), by_id[id_]) for id_ in sorted(by_id))


def _sum(id_: str, name: str, found: Sequence[RechargeDifference]) -> ComparisonSum:
    before = sum(each.file_pence or 0 for each in found)
    now = sum(each.tallystick_pence or 0 for each in found)
    return ComparisonSum(id_, name, before, now, now - before)


def _figures(each: ServiceComparison | ComparisonSum) -> tuple[str, str, str]:
    amounts = each.file_pence, each.tallystick_pence
    before, now = ("none" if amount is None else format_gbp(amount) for amount in amounts)
    return before, now, signed(each.difference_pence)
