"""What members of a partnership see of each other's recharges: as much as each one's agreement says, and no more.

`sees` alone decides. Every total and percentage is of what is shown, so that nothing can be found by subtraction.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from billing.domain.charge_line import ChargeLine
from billing.domain.credits.credit_line import CreditLine
from billing.domain.statement import Statement, StatementAgreement, Status
from billing.domain.terms import Terms
from shared.contracts.definitions import Agreement, Council, MembersSee, Partnership, Service
from shared.money import half_up
from shared.period import Month
from shared.scope import Scope


@dataclass(frozen=True, slots=True)
class ServiceRecharge:
    """What one member is charged for one service under its agreement."""

    service: Service
    charges_pence: int


@dataclass(frozen=True, slots=True)
class MemberRecharge:
    """What one member is charged under one agreement, as far as `sees` lets it be shown.

    `services` is None where only totals are; `lines` and `credits` are None unless all is.
    """

    council: Council
    agreement: StatementAgreement
    sees: MembersSee
    illustrative: bool
    charges_pence: int
    credits_pence: int
    services: tuple[ServiceRecharge, ...] | None
    lines: tuple[ChargeLine, ...] | None
    credits: tuple[CreditLine, ...] | None

    @property
    def total_pence(self) -> int:
        """Before VAT: charges less service credits."""
        return self.charges_pence - self.credits_pence


@dataclass(frozen=True, slots=True)
class PartnershipRecharges:
    """A partnership's month for one reader. `not_shown` are the members of whom it shows nothing, by id.

    Whether such a member shares nothing or was charged nothing is not said.
    """

    partnership: Partnership
    month: Month
    status: Status
    members: tuple[MemberRecharge, ...]
    not_shown: tuple[str, ...]

    @property
    def total_pence(self) -> int:
        """The sum of the members shown."""
        return sum(member.total_pence for member in self.members)

    @property
    def illustrative(self) -> bool:
        """Whether any price in it is an example, not agreed by any council."""
        return any(member.illustrative for member in self.members)

    @property
    def charges_by_service(self) -> dict[str, int]:
        """Pence by service, of the members whose services are shown."""
        charged: Counter[str] = Counter()
        for member in self.members:
            for each in member.services or ():
                charged[each.service.id] += each.charges_pence
        return dict(charged)


def sees(reader: Scope, partnership: Partnership, agreement: Agreement) -> MembersSee:
    """How much of the recharge under `agreement` the partnership's month shows to whoever may see `reader`'s councils.

    All of it to whoever may see its council anyway; to other members what the agreement says. Nothing to a reader
    without a member, nothing of a council that is no member, and nothing of an agreement with another provider.
    """
    is_of_partnership = agreement.provider == partnership.provider and agreement.council in partnership.councils
    if not (is_of_partnership and any(map(reader.allows, partnership.councils))):
        return "none"
    return "all" if reader.allows(agreement.council) else agreement.members_see


def disclosed(terms: Terms, partnership: Partnership, month: Month, reader: Scope) -> Scope:
    """The councils of which the partnership's month shows `reader` anything."""
    shown = (
        council
        for council in partnership.councils
        for version in terms.agreements_in(council, month)
        if sees(reader, partnership, version.definition) != "none"
    )
    return Scope.of(*shown)


def partnership_recharges(
    terms: Terms,
    partnership: Partnership,
    statements: Sequence[Statement],
    reader: Scope,
    *,
    month: Month,
    status: Status,
) -> PartnershipRecharges:
    """What `reader` is shown of the members' `statements` of the month; by name of the council, then by agreement."""
    found = [member for statement in statements for member in _members(terms, partnership, statement, reader)]
    found.sort(key=lambda member: (member.council.name, member.council.id, member.agreement.id))
    shown = {member.council.id for member in found}
    not_shown = tuple(sorted(council for council in partnership.councils if council not in shown))
    return PartnershipRecharges(partnership, month, status, tuple(found), not_shown)


def percent_of(pence: int, total_pence: int) -> Decimal | None:
    """The share that `pence` are of the total, in percent to one decimal, half up; None of a total of 0 or less."""
    return None if total_pence <= 0 else Decimal(half_up(Fraction(pence * 1000, total_pence))).scaleb(-1)


def _members(terms: Terms, partnership: Partnership, statement: Statement, reader: Scope) -> Iterable[MemberRecharge]:
    levels = {
        version.definition.id: sees(reader, partnership, version.definition)
        for version in terms.agreements_in(statement.council.id, statement.month)
    }
    for agreement in statement.agreements:
        if (level := levels.get(agreement.id, "none")) != "none":
            yield _member(statement, agreement, level)


def _member(statement: Statement, agreement: StatementAgreement, level: MembersSee) -> MemberRecharge:
    lines = tuple(line for line in statement.lines if line.agreement == agreement.id)
    credits = statement.credits_under(agreement.id)
    tariffs = {(line.tariff, line.tariff_version) for line in lines}
    return MemberRecharge(
        council=statement.council,
        agreement=agreement,
        sees=level,
        illustrative=any(each.illustrative for each in statement.tariffs if (each.id, each.version) in tariffs),
        charges_pence=sum(line.amount_pence for line in lines),
        credits_pence=sum(line.applied_pence for line in credits),
        services=None if level == "totals" else tuple(_services(statement, lines)),
        lines=lines if level == "all" else None,
        credits=credits if level == "all" else None,
    )


def _services(statement: Statement, lines: Sequence[ChargeLine]) -> Iterable[ServiceRecharge]:
    """By id."""
    for charges in statement.services:
        of_service = [line.amount_pence for line in lines if line.service == charges.service.id]
        if of_service:
            yield ServiceRecharge(charges.service, sum(of_service))
