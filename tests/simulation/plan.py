"""The steps of a run, drawn from a seed. Each has its own numbers, so that leaving some out changes no other."""

from random import Random
from typing import NamedTuple

# How often each kind of step is drawn, in relation to the others.
WEIGHTS = {
    "run": 150,
    "wait": 40,
    "open": 14,
    "continue": 40,
    "read meter": 16,
    "withhold": 12,
    "send late": 10,
    "send again": 14,
    "contradict": 3,
    "send garbage": 3,
    "kill": 10,
    "start": 14,
    "freeze": 8,
    "thaw": 10,
    "evict": 6,
    "snapshot": 6,
    "roll back": 3,
    "port fault": 24,
    "skew": 3,
    "expire": 3,
    "undo retention": 6,
    "publish withheld": 3,
}


class Step(NamedTuple):
    """A kind, and two numbers that choose among what there is to choose from at its turn."""

    kind: str
    a: int
    b: int


def plan(seed: int, steps: int) -> list[Step]:
    """The steps of a seed: always the same."""
    chance = Random(seed)  # noqa: S311 (repeatable on purpose)
    kinds = chance.choices(list(WEIGHTS), list(WEIGHTS.values()), k=steps)
    return [Step(kind, chance.randrange(10_000), chance.randrange(10_000)) for kind in kinds]
