"""Rules of service credits: every shortfall has one credit, and a worse month never gives less.

Bands are written with both of their bounds, as agreements write them, so that a gap or an overlap is a fault with a
line and never a guess.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise

from shared.contracts.credits import Band, Credit, FixedAmount, PercentOfCharge, ServiceCredits, ServicePoints
from shared.contracts.definitions import EVERY_SERVICE, Agreement, Target
from shared.contracts.objectives import MEASURED_OVER
from shared.faults import Fault, did_you_mean


def credit_faults(agreement: Agreement) -> Iterator[Fault]:
    if agreement.credits is None:
        return
    targets = {target.id: target for target in agreement.targets}
    rules = (_target_faults, _cause_faults, _point_faults, _cap_faults)
    yield from (fault.below("credits") for rule in rules for fault in rule(agreement.credits, targets))


def _target_faults(credits: ServiceCredits, targets: Mapping[str, Target]) -> Iterator[Fault]:
    names = [credited.target for credited in credits.targets]
    for index, credited in enumerate(credits.targets):
        here = "targets", index
        target = targets.get(credited.target)
        if target is None:
            yield Fault((*here, "target"), f"is no target of this agreement{did_you_mean(credited.target, targets)}")
        elif credited.target in names[:index]:
            yield Fault((*here, "target"), "has its credits above already")
        else:
            yield from (Fault((*here, "target"), message) for message in _objections(target))
        yield from (fault.below(*here, "bands") for fault in _band_faults(credited.bands, target))


def _objections(target: Target) -> Iterator[str]:
    """Why credits cannot be worked out for this target."""
    if target.measure == "availability":
        yield "is of availability, which has no verdicts: its credits cannot be worked out"
    elif target.objective is None:
        yield "has no objective to fall short of"
    elif target.objective.over != "month":
        yield f"is {MEASURED_OVER[target.objective.over]}: credits are worked out by month"


def _band_faults(bands: Sequence[Band], target: Target | None) -> Iterator[Fault]:
    *closed, last = bands
    if last.shortfall_below is not None:
        yield Fault((len(closed), "shortfall_below"), "the last band must be open: greater shortfalls have no credit")
    for index, band in enumerate(closed):
        if band.shortfall_below is None:
            yield Fault((index, "shortfall_below"), "is missing: only the last band is open")
    for index, band in enumerate(bands):
        yield from (fault.below(index) for fault in _of_one_band(band, target))
    for index, (before, band) in enumerate(pairwise(bands), start=1):
        yield from (fault.below(index) for fault in _of_neighbours(before, band))


def _of_one_band(band: Band, target: Target | None) -> Iterator[Fault]:
    begins = Decimal(band.shortfall_from)
    if band.shortfall_below is not None and Decimal(band.shortfall_below) <= begins:
        yield Fault(("shortfall_below",), "expected more than shortfall_from")
    if target is not None and target.objective is not None and begins > Decimal(target.objective.percent):
        yield Fault(("shortfall_from",), "expected at most the objective: nothing falls short by more")
    if not _size(band.credit):
        yield Fault(("credit",), "expected more than 0: let the first band begin where credits do")


def _of_neighbours(before: Band, band: Band) -> Iterator[Fault]:
    begins = Decimal(band.shortfall_from)
    if begins <= Decimal(before.shortfall_from):
        yield Fault(("shortfall_from",), "expected more than the band before: bands ascend")
    elif before.shortfall_below is not None and begins < Decimal(before.shortfall_below):
        yield Fault(("shortfall_from",), "overlaps the band before")
    elif before.shortfall_below is not None and begins > Decimal(before.shortfall_below):
        yield Fault(("shortfall_from",), "leaves a gap after the band before")
    if type(band.credit) is not type(before.credit):
        yield Fault(
            ("credit", "kind"), "expected the kind of the band before: which of two kinds is more depends on the charge"
        )
    elif _size(band.credit) < _size(before.credit):
        yield Fault(("credit",), "expected no less than the band before: a worse month would give less")


def _cause_faults(credits: ServiceCredits, targets: Mapping[str, Target]) -> Iterator[Fault]:
    for index, credited in enumerate(credits.targets):
        if credited.cause is None or credited.target not in targets:
            continue
        others = [other.target for other in credits.targets if other.cause == credited.cause and other is not credited]
        services = {targets[name].service for name in (credited.target, *others) if name in targets}
        if not others:
            yield Fault(("targets", index, "cause"), "is named by no other target, so it has no effect")
        elif len(services - {EVERY_SERVICE}) > 1:
            yield Fault(
                ("targets", index, "cause"), "is named by targets of another service: a cause is of one service"
            )


def _point_faults(credits: ServiceCredits, _: Mapping[str, Target]) -> Iterator[Fault]:
    in_points = any(isinstance(band.credit, ServicePoints) for of in credits.targets for band in of.bands)
    if in_points and credits.point_gbp is None:
        yield Fault(("point_gbp",), "is missing: it says what a point is worth")
    elif not in_points and credits.point_gbp is not None:
        yield Fault(("point_gbp",), "has an effect only on credits in points")
    elif credits.point_gbp is not None and not Decimal(credits.point_gbp):
        yield Fault(("point_gbp",), "expected more than 0")
    if credits.rectification is not None and not in_points:
        yield Fault(("rectification",), "has an effect only with credits in points")


def _cap_faults(credits: ServiceCredits, _: Mapping[str, Target]) -> Iterator[Fault]:
    caps = {
        "service_month_cap": credits.service_month_cap and _size(credits.service_month_cap),
        "council_month_cap": credits.council_month_cap and _size(credits.council_month_cap),
        "agreement_year_cap_gbp": credits.agreement_year_cap_gbp and Decimal(credits.agreement_year_cap_gbp),
    }
    for name, size in caps.items():
        if size is not None and not size:
            yield Fault((name,), "expected more than 0: nothing would ever be credited")


def _size(credit: Credit) -> Decimal:
    """The size by which credits of one kind are compared."""
    match credit:
        case PercentOfCharge(percent=percent):
            return Decimal(percent)
        case FixedAmount(gbp=gbp):
            return Decimal(gbp)
        case ServicePoints(points=points):
            return Decimal(points)
