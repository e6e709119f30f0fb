"""Addresses of logs and of live state."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shared.bus import connect as bus
from shared.sqlite import path_of
from shared.state import connect as state


@pytest.mark.parametrize(
    ("url", "path"),
    [("sqlite:///var/log.db", "var/log.db"), ("sqlite:////srv/tallystick/log.db", "/srv/tallystick/log.db")],
)
def test_an_address_with_three_slashes_is_relative_and_with_four_absolute(url: str, path: str) -> None:
    assert path_of(url) == Path(path)


@pytest.mark.parametrize(("connect", "fault"), [(bus.connect, bus.UnknownBus), (state.connect, state.UnknownState)])
@pytest.mark.parametrize("url", ["amqp://localhost", "var/log.db", ""])
def test_an_address_of_another_kind_is_refused_with_what_was_expected(
    connect: Callable[[str], object], fault: type[ValueError], url: str
) -> None:
    with pytest.raises(fault, match="sqlite:///path"):
        connect(url)
