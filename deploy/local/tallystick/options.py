"""Arguments and options that several verbs share, and how their texts are read."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from shared.clock import WallClock
from shared.period import InvalidMonth, Month
from tallystick.console import WATCH_EVERY_S, OutputForm

_EARLIEST_YEAR, _LATEST_YEAR = 1999, 2100  # excluded
_CLOCKS_DIFFER = timedelta(minutes=5)
LAST_PORT = 65_535


def read_month(text: str) -> Month:
    """The month that `text` names."""
    try:
        return Month.parse(text)
    except InvalidMonth as fault:
        raise typer.BadParameter(f"{fault}: write for example 2026-03") from fault


def read_day(text: str) -> date:
    """The date that `text` names."""
    try:
        return date.fromisoformat(text)
    except ValueError as fault:
        raise typer.BadParameter(f"{text!r} is not a date: write for example 2026-03-01") from fault


def read_instant(text: str) -> datetime:
    """The instant that `text` names, with its offset."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as fault:
        message = f"{text!r} is not an instant: write for example 2016-01-12T23:00:00-05:00"
        raise typer.BadParameter(message) from fault
    if instant.tzinfo is None:
        raise typer.BadParameter(f"{text!r} does not say in which zone: add Z or an offset")
    if not _EARLIEST_YEAR < instant.year < _LATEST_YEAR:  # so that it has a year in every zone
        raise typer.BadParameter(f"{text!r} is not of the years 2000 to 2099")
    return instant


def read_past_instant(text: str) -> datetime:
    """The instant that `text` names, which is not in the future but for what clocks may differ by."""
    instant, now = read_instant(text), WallClock().now()
    if instant > now + _CLOCKS_DIFFER:
        raise typer.BadParameter(
            f"{text!r} is in the future: it is now {now:%Y-%m-%dT%H:%M:%SZ}. An export says what was, and no later "
            "one would count until then"
        )
    return instant


def read_pounds(text: str) -> int:
    """The pence of an amount in pounds like 120.50."""
    pounds, _, pence = text.removeprefix("£").partition(".")
    if not (pounds.isascii() and pounds.isdigit() and len(pounds) <= 11 and len(pence) <= 2):
        raise typer.BadParameter(f"{text!r} is no amount: write for example 120.50")
    if pence and not (pence.isascii() and pence.isdigit()):
        raise typer.BadParameter(f"{text!r} is no amount: write for example 120.50")
    return int(pounds) * 100 + int(pence.ljust(2, "0"))


def lookup_files(named: list[str] | None) -> dict[str, Path]:
    """The lookups' files by name, of texts like NAME=FILE."""
    files: dict[str, Path] = {}
    for text in named or []:
        name, equals, path = text.partition("=")
        if not equals:
            raise typer.BadParameter(f"{text!r} names no file: write --lookup NAME=FILE")
        files[name] = Path(path)
    return files


def output_form(*, as_json: bool, as_csv: bool) -> OutputForm:
    """The form that the two options name; both at once are refused."""
    if as_json and as_csv:
        raise typer.BadParameter("name one of --json and --csv", param_hint="--csv")
    return "json" if as_json else "csv" if as_csv else "text"


def input_file(what: str) -> Any:
    """The argument FILE of a verb, which exists and can be read; `what` says what it holds."""
    return typer.Argument(exists=True, dir_okay=False, readable=True, metavar="FILE", help=what)


CouncilArgument = Annotated[str, typer.Argument(help="The council's id.")]
MonthArgument = Annotated[Month, typer.Argument(parser=read_month, metavar="MONTH", help="For example 2026-03.")]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, for other programs.")]
Csv = Annotated[bool, typer.Option("--csv", help="Answer in CSV, for spreadsheets.")]
Watch = Annotated[bool, typer.Option("--watch", help=f"Answer again every {WATCH_EVERY_S} seconds, until Ctrl-C.")]
OnlyCouncil = Annotated[str | None, typer.Option("--council", help="Only this council, by its id.")]
Example = Annotated[str, typer.Option(help="Which example that comes with Tallystick.")]
LookupOption = Annotated[list[str] | None, typer.Option(help="NAME=FILE for a lookup of the mapping.")]
ServiceOption = Annotated[str | None, typer.Option("--service", help="Only this service's: sla-monitor or billing.")]
Reason = Annotated[str, typer.Option("--reason", help="Why. It is kept for ever.")]
Actor = Annotated[str | None, typer.Option("--actor", help="Who decides.", show_default="your login name")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask; needed where nobody can be asked.")]
