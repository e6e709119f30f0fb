"""Chance that repeats: each stream of random numbers is named, so that more of one thing never changes another."""

from random import Random


def stream(seed: int, *names: str) -> Random:
    """The random numbers of what `names` single out; the same for the same seed, on every machine."""
    return Random("\x1f".join([str(seed), *names]))  # noqa: S311 - illustrative data has to repeat; nothing is secret


def about(rng: Random, median: float, *, spread: float) -> float:
    """A log-normal duration around `median`: mostly near it, now and then several times as long."""
    return rng.lognormvariate(0.0, spread) * median
