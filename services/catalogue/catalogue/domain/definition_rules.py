"""What is wrong with a council, a partnership or a service by itself."""

from collections.abc import Iterator

from shared.contracts.definitions import Benefit, Council, Partnership, Service
from shared.contracts.meters import Meter, meter_faults
from shared.faults import Fault, repeats

# The list's numbers had four digits at most in 2026.
_MAX_LGSL = 9999
# The first letter of a GSS code names the nation (Office for National Statistics, Register of Geographic Codes).
_LETTERS = {"england": "E", "wales": "W", "scotland": "S", "northern-ireland": "N"}


def council_faults(council: Council) -> Iterator[Fault]:
    yield from _nation_faults(council)
    if council.successors and council.effective_to is None:
        yield Fault(("successors",), "has successors, so effective_to must say when it ends")
    if council.id in council.successors:
        yield Fault(("successors", council.successors.index(council.id)), "cannot succeed itself")
    yield from (Fault(("successors", index), "is listed twice") for index in repeats(council.successors))


def _nation_faults(council: Council) -> Iterator[Fault]:
    if council.gss is None:
        return
    if council.nation is None:
        yield Fault(("nation",), "is missing: a council with a GSS code is in a nation")
    elif council.gss[0] != (letter := _LETTERS[council.nation]):
        yield Fault(("gss",), f"expected a code that begins with {letter}, as those of {council.nation} do")


def partnership_faults(partnership: Partnership) -> Iterator[Fault]:
    if not partnership.councils:
        yield Fault(("councils",), "expected at least one council")
    yield from (Fault(("councils", index), "is listed twice") for index in repeats(partnership.councils))
    ids = [benefit.id for benefit in partnership.benefits]
    yield from (Fault(("benefits", index, "id"), "is the id of an earlier benefit") for index in repeats(ids))
    for index, benefit in enumerate(partnership.benefits):
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


def service_faults(service: Service) -> Iterator[Fault]:
    if isinstance(service.counted_by, Meter):
        yield from (fault.below("counted_by") for fault in meter_faults(service.counted_by))
    if service.lgsl is not None and not 1 <= service.lgsl <= _MAX_LGSL:
        yield Fault(("lgsl",), f"expected a number of the Local Government Services List, 1 to {_MAX_LGSL}")
