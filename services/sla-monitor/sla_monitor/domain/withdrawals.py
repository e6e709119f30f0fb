"""Facts that their own source has withdrawn (R56): the set without them is judged, and they stay for all to see.

Only a source's own facts are meant, for a withdrawal carries no other source. A withdrawal cannot itself be withdrawn.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sla_monitor.domain.facts import AnyFact, Withdrawn


class WithdrawnFact(NamedTuple):
    """A fact that does not count, and what withdrew it."""

    fact: AnyFact
    by: Withdrawn


def has_withdrawals(facts: Iterable[AnyFact]) -> bool:
    """Whether anything is withdrawn, be it known already or not."""
    return any(isinstance(fact, Withdrawn) for fact in facts)


def withdrawn_facts(facts: Sequence[AnyFact]) -> list[WithdrawnFact]:
    """Each fact that was withdrawn, in their order, with the first withdrawal that names it."""
    first: dict[tuple[str, str], Withdrawn] = {}
    for fact in facts:
        if isinstance(fact, Withdrawn):
            first.setdefault((fact.source, fact.withdrawn_id), fact)
    found = ((fact, first.get((fact.source, fact.id))) for fact in facts if not isinstance(fact, Withdrawn))
    return [WithdrawnFact(fact, by) for fact, by in found if by is not None]


def standing_facts(facts: Sequence[AnyFact], *, as_of_s: int) -> list[AnyFact]:
    """Those that count when all that was withdrawn up to `as_of_s` does not; later withdrawals are still among them."""
    made = [fact for fact in facts if isinstance(fact, Withdrawn) and fact.at_s <= as_of_s]
    gone = {(fact.source, fact.withdrawn_id) for fact in made}
    return [
        fact
        for fact in facts
        if fact not in made and (isinstance(fact, Withdrawn) or (fact.source, fact.id) not in gone)
    ]


def without_withdrawals(facts: Iterable[AnyFact]) -> list[AnyFact]:
    """What would be judged, had nothing been withdrawn."""
    return [fact for fact in facts if not isinstance(fact, Withdrawn)]
