"""Versions of a definition: appended, never edited. Which one is in force depends on the day.

On every day it is the version with the latest `effective_from` not after that day; of those that begin together, the
one of the highest number. Agreements and councils may end before the next version; whoever asks looks at that too.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Generic, Protocol, TypeVar

from shared.contracts.definitions import AnyDefinition


class Version(Protocol):
    """A definition and its number, which counts from 1 within its id."""

    @property
    def number(self) -> int:
        """Which version of its id it is."""

    @property
    def definition(self) -> AnyDefinition:
        """What it says from its `effective_from` on."""


D_co = TypeVar("D_co", bound=AnyDefinition, covariant=True)
V = TypeVar("V", bound=Version)


@dataclass(frozen=True, slots=True)
class DefinitionVersion(Generic[D_co]):
    """A definition and its number, which counts from 1 within its id."""

    number: int
    definition: D_co


@dataclass(frozen=True, slots=True)
class InForce(Generic[V]):
    """A version and the days `[first_day, end_day)` on which it is in force; without an end where that is None."""

    version: V
    first_day: date
    end_day: date | None


def in_force(versions: Iterable[V]) -> list[InForce[V]]:
    """When each version of one id is in force, by ascending day; those that never are do not appear."""
    latest = {version.definition.effective_from: version for version in sorted(versions, key=_precedence)}
    ends = [*list(latest)[1:], None]
    return [InForce(version, day, end) for (day, version), end in zip(latest.items(), ends, strict=False)]


def version_on(versions: Iterable[V], day: date) -> V | None:
    """The version of one id in force on `day`; None before the first."""
    begun = (version for version in versions if version.definition.effective_from <= day)
    return max(begun, key=_precedence, default=None)


def _precedence(version: Version) -> tuple[date, int]:
    return version.definition.effective_from, version.number
