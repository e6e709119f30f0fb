"""Versions of the catalogue's definitions: read while more of them arrive, and compiled once for equal calendars."""

from collections.abc import Callable

import msgspec

from shared.contracts.definitions import Agreement
from shared.scope import Scope
from sla_monitor.domain.versions import KnownVersion, VersionHistory
from sla_monitor.domain.working_time.calendar import compile_versions
from tests.support.histories import calendar


def agreement(number: int, *, council: str = "adur") -> Agreement:
    target = {"id": "resolve", "service": "*", "measure": "resolution-time", "within": "2 hours", "calendar": "office"}
    about = {"id": f"agreement-{number}", "council": council, "provider": "joint-services", "title": "Illustrative"}
    return msgspec.convert(about | {"targets": [target]}, Agreement)


class Interrupted(int):
    """A position whose comparison lets somebody else run first, as a switch of threads would."""

    meanwhile: Callable[[], None]

    def __ge__(self, other: int) -> bool:
        self.meanwhile()
        return int(self) >= other


def test_a_reader_of_versions_is_not_disturbed_by_one_that_is_added_meanwhile() -> None:
    history = VersionHistory([KnownVersion(number, 1, agreement(number)) for number in (1, 2)])
    position = Interrupted(9)
    position.meanwhile = lambda: history.add(KnownVersion(3, 1, agreement(3, council="worthing")))

    seen = history.agreement_index(known_to=position)

    assert (seen.councils, history.agreement_index(known_to=9).councils) == (["adur"], ["adur", "worthing"])


def test_a_version_that_is_announced_again_is_known_from_its_first_position() -> None:
    history = VersionHistory([KnownVersion(4, 1, agreement(1)), KnownVersion(7, 1, agreement(1))])

    assert [known.position for known in history.all(Scope.all())] == [4]


def test_a_council_sees_its_agreements_and_the_calendars_that_they_use() -> None:
    unused = KnownVersion(1, 1, calendar(id="library"))
    office = KnownVersion(2, 1, calendar())
    theirs, others = KnownVersion(3, 1, agreement(1)), KnownVersion(4, 1, agreement(2, council="worthing"))
    history = VersionHistory([unused, office, theirs, others])

    assert history.all(Scope.of("adur")) == [theirs, office]
    assert history.all(Scope.of()) == []


def test_equal_calendars_are_compiled_once_whatever_they_are_called() -> None:
    one, same, other = calendar(), calendar(id="library", name="Library"), calendar(closed={"2026-03-02": "Fair"})

    assert compile_versions([one]) is compile_versions([same])
    assert compile_versions([one]) is not compile_versions([other])
