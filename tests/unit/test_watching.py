"""Answers that repeat themselves until Ctrl-C, and tables whose cells are whole."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from shared.clock import FixedClock
from tallystick import console
from tallystick.console import OutputForm, plain_table, watched

READ_AT = "# 2026-06-16T11:00:00Z\n"


@pytest.fixture(autouse=True)
def _own_console(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rich goes on writing to the stdout that it found first."""
    monkeypatch.setattr(console, "out", type(console.out)())


def watch(monkeypatch: pytest.MonkeyPatch, form: OutputForm, *, rounds: int, again: bool = True) -> None:
    """What is read counts up; Ctrl-C is pressed after so many rounds."""
    read = iter(range(1, 10))

    def wait(seconds: float) -> None:
        assert seconds == console.WATCH_EVERY_S
        nonlocal rounds
        rounds -= 1
        if rounds == 0:
            raise KeyboardInterrupt

    monkeypatch.setattr(console, "sleep", wait)
    monkeypatch.setattr("shared.clock.WallClock", lambda: FixedClock(datetime(2026, 6, 16, 11, tzinfo=UTC)))
    watched(lambda: [next(read)], form, lines=lambda found: [f"{found[0]} open"], csv=csv_of, again=again)


def csv_of(found: Sequence[int]) -> str:
    return f"open\r\n{found[0]}\r\n"


@pytest.mark.parametrize(
    ("form", "written"),
    [
        ("text", f"{READ_AT}1 open\n{READ_AT}2 open\n"),
        ("json", "[1]\n[2]\n"),
        ("csv", f"{READ_AT}open\n1\n{READ_AT}open\n2\n"),
    ],
)
def test_what_is_watched_is_read_again_until_ctrl_c_with_the_instant_where_it_is_no_terminal(
    form: OutputForm, written: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(KeyboardInterrupt):
        watch(monkeypatch, form, rounds=2)

    assert capsys.readouterr().out == written


def test_what_is_not_watched_is_read_once_and_ctrl_c_ends_it_as_ever(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted() -> list[int]:
        raise KeyboardInterrupt

    watch(monkeypatch, "text", rounds=1, again=False)
    with pytest.raises(KeyboardInterrupt):
        watched(interrupted, "text", lines=lambda _: [], csv=csv_of, again=False)

    assert capsys.readouterr().out == "1 open\n"


def test_a_table_keeps_every_cell_whole() -> None:
    rows = [("adur-ict-202611-t0058", "7 of 9"), ("b", "12 of 14")]

    assert plain_table(("Item", "In time"), rows, right=("In time",)) == [
        "Item                    In time",
        "adur-ict-202611-t0058    7 of 9",
        "b                      12 of 14",
    ]


def test_what_somebody_else_wrote_does_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    console.out.print("id \x1b[2J\x9b1m\r\nnew line \x00é")

    assert capsys.readouterr().out == "id \\x1b[2J\\x9b1m\\r\nnew line \\x00é\n"
