"""Councils and partnerships: codes of the right nation, successors that follow an end, benefits that say how much."""

from collections.abc import Iterator, Sequence

from shared.contracts.definitions import Benefit, Council, Partnership
from shared.faults import Fault

# The first letter of a GSS code names the nation (Office for National Statistics, Register of Geographic Codes).
_LETTERS = {"england": "E", "wales": "W", "scotland": "S", "northern-ireland": "N"}


def council_faults(council: Council) -> Iterator[Fault]:
    """All that is wrong with a council by itself."""
    yield from _nation_faults(council)
    if council.successors and council.effective_to is None:
        yield Fault(("successors",), "has successors, so effective_to must say when it ends")
    if council.id in council.successors:
        yield Fault(("successors", council.successors.index(council.id)), "cannot succeed itself")
    yield from repeated(council.successors, "successors")


def _nation_faults(council: Council) -> Iterator[Fault]:
    if council.gss is None:
        return
    if council.nation is None:
        yield Fault(("nation",), "is missing: a council with a GSS code is in a nation")
    elif council.gss[0] != (letter := _LETTERS[council.nation]):
        yield Fault(("gss",), f"expected a code that begins with {letter}, as those of {council.nation} do")


def partnership_faults(partnership: Partnership) -> Iterator[Fault]:
    """All that is wrong with a partnership by itself."""
    if not partnership.councils:
        yield Fault(("councils",), "expected at least one council")
    yield from repeated(partnership.councils, "councils")
    ids = [benefit.id for benefit in partnership.benefits]
    for index, benefit in enumerate(partnership.benefits):
        if benefit.id in ids[:index]:
            yield Fault(("benefits", index, "id"), "is the id of an earlier benefit")
        yield from (fault.below("benefits", index) for fault in _benefit_faults(benefit))


def _benefit_faults(benefit: Benefit) -> Iterator[Fault]:
    promised = {"savings": benefit.promised_gbp, "quality": benefit.promised_percent}
    field = {"savings": "promised_gbp", "quality": "promised_percent"}[benefit.kind]
    if promised[benefit.kind] is None:
        yield Fault((field,), f"is missing: it says how much {benefit.kind} was promised")
    if not benefit.illustrative and not benefit.source:
        yield Fault(("source",), "is missing: a figure that is not illustrative says where it is written")
    if benefit.financial_year is not None and not 1974 <= benefit.financial_year <= 2100:
        yield Fault(("financial_year",), "expected the year in which it begins, 1974 to 2100")


def repeated(values: Sequence[str], field: str) -> Iterator[Fault]:
    """A fault for each value that an earlier one equals."""
    for index, value in enumerate(values):
        if value in values[:index]:
            yield Fault((field, index), "is listed twice")
