"""The steps of a run, drawn from a seed. Each has its own numbers, so that leaving some out changes no other."""

from collections.abc import Mapping, Sequence
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


class Emphasis(NamedTuple):
    """Other weights for some kinds of steps, and which kinds always follow one."""

    weights: Mapping[str, int]
    followed_by: Mapping[str, Sequence[str]]


PLAIN = Emphasis({}, {})
# Live state is lost just after deadlines have passed and just before what says that they had not: something was
# announced that is no longer so, and no replay of the log finds out by itself. By the plain weights one run in a
# thousand is so.
LOST_BEFORE_LATE_EVENTS = Emphasis(
    {
        "roll back": 12,
        "withhold": 30,
        "wait": 60,
        "continue": 12,
        "send late": 3,
        "snapshot": 2,
        "expire": 0,
        **dict.fromkeys(("freeze", "evict", "read meter"), 2),
        **dict.fromkeys(("contradict", "send garbage", "skew"), 0),
        "kill": 4,
        "port fault": 8,
        "send again": 3,
        "publish withheld": 6,
    },
    {"roll back": ("send late", "send late")},
)


class Step(NamedTuple):
    """A kind, and two numbers that choose among what there is to choose from at its turn."""

    kind: str
    a: int
    b: int


def plan(seed: int, steps: int, emphasis: Emphasis = PLAIN) -> list[Step]:
    """The steps of a seed: always the same. Those that follow others are not among the `steps` that are drawn."""
    chance = Random(seed)  # noqa: S311 (repeatable on purpose)
    weights = {**WEIGHTS, **emphasis.weights}
    drawn = chance.choices(list(weights), list(weights.values()), k=steps)
    kinds = [each for kind in drawn for each in (kind, *emphasis.followed_by.get(kind, ()))]
    return [Step(kind, chance.randrange(10_000), chance.randrange(10_000)) for kind in kinds]
