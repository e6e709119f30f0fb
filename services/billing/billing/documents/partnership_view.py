"""A partnership's month in the words and figures that its page and its PDF show."""

from collections.abc import Iterator
from dataclasses import dataclass

from billing.domain.charge_line import ChargeLine, quantity_text
from billing.domain.credits.credit_line import CreditLine
from billing.domain.partnership_recharges import MemberRecharge, PartnershipRecharges, percent_of
from shared.money import format_gbp
from shared.period import Month
from shared.web.formats import date_range, month_name
from shared.web.strings import text

Rows = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class LinesView:
    """The lines of one member that shows them: what is charged or credited, quantity, price and amount."""

    heading: str
    rows: Rows
    total: str


@dataclass(frozen=True, slots=True)
class PartnershipView:
    """Everything shown, as text.

    A row of `members` is council and agreement, what it shows, charges, credits, total, share; a row of `services` is
    service, council, amount, share of the service.
    """

    title: str
    path: str
    providers: str
    illustrative: bool
    notice: tuple[str, str]
    header: tuple[tuple[str, str], ...]
    members: Rows
    total: str
    not_shown: str
    services: Rows
    lines: tuple[LinesView, ...]


def partnership_path(partnership: str, month: Month) -> str:
    """Where a partnership's month is; with the suffix of a form, that form."""
    return f"/v1/partnership-recharges/{partnership}/{month}"


def partnership_view(recharges: PartnershipRecharges) -> PartnershipView:
    """The view of `recharges`."""
    partnership, month = recharges.partnership, recharges.month
    providers = tuple(sorted({member.agreement.provider_name for member in recharges.members}))
    return PartnershipView(
        title=text("partnership.title", partnership=partnership.name, month=month_name(month)),
        path=partnership_path(partnership.id, month),
        providers=" and ".join(providers) or partnership.provider,
        illustrative=recharges.illustrative,
        notice=_notice(recharges),
        header=(
            (text("partnership.partnership"), partnership.name),
            (text("statement.provider"), ", ".join(providers)),
            (text("statement.period"), date_range(month.first_day, month.next.first_day)),
            (text("partnership.total_shown"), format_gbp(recharges.total_pence)),
        ),
        members=tuple(_member(member, recharges) for member in recharges.members),
        total=format_gbp(recharges.total_pence),
        not_shown=", ".join(recharges.not_shown),
        services=tuple(_services(recharges)),
        lines=tuple(_lines(member) for member in recharges.members if member.lines is not None),
    )


def share_text(pence: int, total_pence: int) -> str:
    """The share of the total, as `37.2%`; empty where the total is 0 or less."""
    percent = percent_of(pence, total_pence)
    return "" if percent is None else f"{percent}%"


def _notice(recharges: PartnershipRecharges) -> tuple[str, str]:
    if recharges.status == "in-progress":
        return text("state.heading", state=text("state.in-progress")), text("partnership.so_far_detail")
    return text("state.heading", state=text("state.draft")), text("partnership.draft_detail")


def _named(member: MemberRecharge) -> str:
    return f"{member.council.name}: {member.agreement.title}"


def _member(member: MemberRecharge, of: PartnershipRecharges) -> tuple[str, ...]:
    return (
        _named(member),
        text(f"partnership.sees_{member.sees}"),
        format_gbp(member.charges_pence),
        format_gbp(-member.credits_pence),
        format_gbp(member.total_pence),
        share_text(member.total_pence, of.total_pence),
    )


def _services(recharges: PartnershipRecharges) -> Iterator[tuple[str, ...]]:
    """By name of the service, then as the members are."""
    totals = recharges.charges_by_service
    found = [(each, member) for member in recharges.members for each in member.services or ()]
    for each, member in sorted(found, key=lambda pair: (pair[0].service.name, pair[0].service.id)):
        share = share_text(each.charges_pence, totals[each.service.id])
        yield each.service.name, member.council.name, format_gbp(each.charges_pence), share


def _lines(member: MemberRecharge) -> LinesView:
    names = {each.service.id: each.service.name for each in member.services or ()}
    rows = [
        *(_charge(line, names[line.service]) for line in member.lines or ()),
        *(_credit(line, names.get(line.service, line.service)) for line in member.credits or ()),
    ]
    return LinesView(_named(member), tuple(rows), format_gbp(member.total_pence))


def _charge(line: ChargeLine, service: str) -> tuple[str, ...]:
    rate = text("statement.by_part") if len(line.workings) > 1 else line.workings[0].rate_text
    return f"{service}: {line.charge}", quantity_text(line.quantity), rate, format_gbp(line.amount_pence)


def _credit(line: CreditLine, service: str) -> tuple[str, ...]:
    label = text("partnership.credit", service=service, target=line.target)
    return label, "", "", format_gbp(-line.applied_pence)
