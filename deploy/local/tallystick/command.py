"""The `tallystick` command: a table of its verbs, each in a file of `tallystick.commands`.

A verb's file is imported when the verb is called, and what it needs to do its work when it does: the services take a
second to import, and `--help` does not wait. tests/architecture/test_startup.py says what it may import.
"""

import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from importlib import import_module
from itertools import groupby
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException
from typer.main import get_command, get_group

from tallystick import __version__
from tallystick.console import EXIT_INVALID, EXIT_OUTPUT_CLOSED, err
from tallystick.interruption import Interruption, caused, end_undisturbed, raise_from_now_on

_HELP = (
    "Monitor service levels and recharge councils for shared services.\n\n"
    "State is kept in the folder that TALLYSTICK_VAR names, else in ./var. Services on servers are asked at the "
    "address that TALLYSTICK_URL names; docs/running.md says which verbs need others. Answers go to standard output, "
    "with --json as JSON; progress and failures to standard error."
)
_EXIT_CODES = (
    "Exit codes: 0 done; 1 a file does not verify, or not all of a replay is applied; 2 an argument, file or setting "
    "cannot be used; 3 in use, behind or unreachable: run it again later; 70 a bug in Tallystick; 129, 130 or 143 "
    "interrupted; 141 the reader of the output went away."
)


class OnServers(Enum):
    """What a verb does where the services run on servers, as docs/running.md has it for people."""

    ASKS = "asks TALLYSTICK_URL"
    CONNECTS = "connects to their log and databases"
    REFUSES = "works on a folder only"
    STATELESS = "reads no state"  # opens no service, and nothing in it logs


class Verb(NamedTuple):
    """A verb as the root help lists it. `module` holds its `app`; a group has verbs of its own.

    `instead` is what does the same on servers, for a verb that refuses to. `on_interrupt` is what Ctrl-C leaves behind;
    by the verbs of a group, or the options, with which that is different.
    """

    name: str
    panel: str
    summary: str
    on_servers: OnServers
    module: str = ""
    is_group: bool = False
    instead: str = ""
    on_interrupt: Interruption = Interruption.READS
    unless: Mapping[str, Interruption] = MappingProxyType({})

    def interruption(self, arguments: Sequence[str]) -> Interruption:
        """What Ctrl-C leaves behind of the verb that was called with `arguments`."""
        words = [each.partition("=")[0] for each in (arguments[:1] if self.is_group else arguments)]
        return next((self.unless[word] for word in words if word in self.unless), self.on_interrupt)


_TRY, _LOAD, _ASK, _HAND_OVER, _DECIDE = (
    "See it work",
    "Bring data in",
    "Ask",
    "Hand over and check",
    "Correct and decide",
)
_ASKS, _CONNECTS, _REFUSES, _STATELESS = OnServers
_READ_FROM_QUARANTINE = ("list", "parked", "decisions")
VERBS = (
    Verb(
        "demo",
        _TRY,
        "Serve an example partnership with a year of illustrative data on this machine.",
        _REFUSES,
        is_group=True,
        instead="Unset it to serve the example here.",
        on_interrupt=Interruption.RESUMES,
        unless={"incident": Interruption.STAYS, "tamper": Interruption.WRITES_FILES},
    ),
    Verb(
        "illustrate",
        _TRY,
        "Send illustrative events of an example to the log that BUS_URL names.",
        _CONNECTS,
        on_interrupt=Interruption.SENDS,
    ),
    Verb(
        "load",
        _LOAD,
        "Load a partnership's councils, services, calendars, agreements and tariffs.",
        _REFUSES,
        instead="On servers run `python -m catalogue load FILE`, or send PUT /v1/councils/{id} and so on.",
        on_interrupt=Interruption.RESUMES,
    ),
    Verb(
        "replay",
        _LOAD,
        "Turn a CSV of an existing system into events, verdicts and usage.",
        _REFUSES,
        instead="On servers run `tallystick backfill`; unset it to try the file here.",
        on_interrupt=Interruption.RESUMES,
        unless={"--dry-run": Interruption.READS},
    ),
    Verb(
        "map",
        _LOAD,
        "Write a first mapping for an export, with the evidence for what it says.",
        _STATELESS,
        on_interrupt=Interruption.WRITES_FILES,
    ),
    Verb(
        "backfill",
        _LOAD,
        "Show what past events that never arrived would change; send them once approved.",
        _CONNECTS,
        unless={"--approve": Interruption.BACKFILLS},
    ),
    Verb(
        "events",
        _LOAD,
        "List the types of event, send a file of them, ask what became of one, follow them.",
        _ASKS,
        is_group=True,
        unless={"send": Interruption.SENDS},
    ),
    Verb("doctor", _ASK, "Check what is reachable, what you may do, and whose clock is wrong.", _ASKS),
    Verb("at-risk", _ASK, "List what is open and undecided, the most urgent first.", _ASKS),
    Verb("attainment", _ASK, "Show how much was in time, by council and target, and how much more may miss.", _ASKS),
    Verb(
        "explain", _ASK, "Say why an item's verdicts are what they are.", _ASKS, on_interrupt=Interruption.WRITES_FILES
    ),
    Verb(
        "pages",
        _ASK,
        "Show in the browser what a replay came to, as of its instant.",
        _REFUSES,
        instead="On servers the services show their pages at their own address; unset it to show the folder's.",
    ),
    Verb(
        "statement",
        _ASK,
        "Print a council's monthly recharge statement, or write it in every form.",
        _ASKS,
        on_interrupt=Interruption.WRITES_FILES,
    ),
    Verb("explain-penny", _ASK, "Follow a line of a statement down to its events.", _ASKS),
    Verb("try", _ASK, "Try a target or a tariff. Nothing is stored.", _STATELESS, "try_document", is_group=True),
    Verb("what-if", _ASK, "Show how a draft target, calendar or agreement would have changed past months.", _ASKS),
    Verb("compare", _ASK, "Set recharges as they were beside Tallystick's, and say why each is different.", _ASKS),
    Verb("rate", _ASK, "Show what the verdicts of a rebuild would do to recharges.", _CONNECTS),
    Verb(
        "export",
        _HAND_OVER,
        "Write files for other tools and other people.",
        _ASKS,
        is_group=True,
        on_interrupt=Interruption.WRITES_FILES,
    ),
    Verb(
        "verify",
        _HAND_OVER,
        "Check a statement's tally, or a month of evidence, by itself: no server, no state.",
        _STATELESS,
    ),
    Verb(
        "acknowledge",
        _HAND_OVER,
        "Sign, as a council and with a key of your own, the statement that you have verified.",
        _STATELESS,
        on_interrupt=Interruption.WRITES_FILES,
    ),
    Verb(
        "close-month",
        _DECIDE,
        "Show what a month's statements come to and what keeps them from being issued; issue them once approved.",
        _ASKS,
        on_interrupt=Interruption.RESUMES,
    ),
    Verb(
        "correct",
        _DECIDE,
        "Evaluate ended items again by today's catalogue, and publish what changes.",
        _ASKS,
        on_interrupt=Interruption.REQUESTS,
    ),
    Verb(
        "query",
        _DECIDE,
        "Query a charge, a credit or a verdict of a statement, and answer queries.",
        _ASKS,
        is_group=True,
        on_interrupt=Interruption.RESUMES,
        unless={"list": Interruption.READS},
    ),
    Verb(
        "payments",
        _DECIDE,
        "Record payments of statements, one by one or from a CSV.",
        _ASKS,
        is_group=True,
        on_interrupt=Interruption.RESUMES,
        unless={"list": Interruption.READS},
    ),
    Verb(
        "quarantine",
        _DECIDE,
        "List invalid records, and redrive or discard them.",
        _CONNECTS,
        is_group=True,
        on_interrupt=Interruption.DECIDES,
        unless=dict.fromkeys(_READ_FROM_QUARANTINE, Interruption.READS) | {"show": Interruption.WRITES_FILES},
    ),
    Verb(
        "people",
        _DECIDE,
        "Say who may sign in, and what they may do.",
        _ASKS,
        is_group=True,
        on_interrupt=Interruption.GRANTS,
        unless={"list": Interruption.READS},
    ),
    Verb(
        "clients",
        _DECIDE,
        "Say which programs may call, and change their secrets.",
        _ASKS,
        is_group=True,
        on_interrupt=Interruption.CREDENTIALS,
        unless={"list": Interruption.READS},
    ),
    Verb(
        "access",
        _DECIDE,
        "Make the first operator, or drop a signing key that leaked.",
        _REFUSES,
        is_group=True,
        instead="On servers run `python -m catalogue bootstrap` or `drop-key` where the catalogue runs.",
        on_interrupt=Interruption.ACCESS,
    ),
    Verb("audit", _DECIDE, "Read who did and saw what, and verify that nobody changed it.", _ASKS, is_group=True),
    Verb("approvals", _DECIDE, "List approved backfills and releases: when, what, by whom, why.", _CONNECTS),
)


class PlainGroup(TyperGroup):
    """Its help is plain text, each verb with its whole summary under its heading, and quick to come."""

    # typer's own types of contexts and commands are private.
    def get_help_option(self, ctx: Any) -> Any:
        """As typer makes it, False where it is not given: to read None as a bool, typer imports pydantic."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.default = False
        return option

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Options of a group's own are for when no verb below it is called: to read them, typer imports pydantic."""
        if ctx.parent is not None and args and args[0] in self.commands:
            self.params = []
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Written by typer's own parent, since `typer.rich_utils` takes longer to import than all the rest."""
        super(TyperGroup, self).format_help(ctx, formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 (typer calls it so)
        """A section for each heading, in the order of the verbs."""
        verbs: list[tuple[str, Any]] = list(self.commands.items())
        width = max(len(name) for name, _ in verbs)
        for heading, held in groupby(verbs, key=lambda named: named[1].rich_help_panel or "Commands"):
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), verb.help.split("\n\n")[0]) for name, verb in held])


class VerbGroup(PlainGroup):
    """Lists the verbs without importing them; whatever fails ends in a sentence and an exit code, not a traceback."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for verb in VERBS:
            self.add_command(TyperCommand(verb.name, help=verb.summary, rich_help_panel=verb.panel))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Without any argument, its help is printed, and no verb is no success."""
        if not args:
            typer.echo(ctx.get_help())
            raise typer.Exit(EXIT_INVALID)
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The verb that is called, imported now."""
        name, _, rest = super().resolve_command(ctx, args)
        verb = next(verb for verb in VERBS if verb.name == name)
        imported, ctx.obj = _imported(verb), verb.interruption(rest)
        raise_from_now_on(ctx.obj)
        return name, imported, rest

    def invoke(self, ctx: Any) -> Any:
        """The verb is done; a failure is reported and ends the command."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, BrokenPipeError):
            raise
        except TyperException as refused:
            refused.message = refused.message.removeprefix("Value error, ")  # pydantic's own opening
            raise
        except KeyboardInterrupt:
            _end_interrupted(ctx)
        except Exception as failure:  # noqa: BLE001 (the last resort: nobody who runs a command sees a traceback)
            if caused(failure):
                _end_interrupted(ctx)
            from tallystick.failures import report_failure

            report_failure(failure)


def _end_interrupted(ctx: Any) -> NoReturn:
    code = end_undisturbed()
    err.print((ctx.obj or Interruption.READS).sentence)
    raise typer.Exit(code) from None


def _imported(verb: Verb) -> Any:
    app = import_module(f"tallystick.commands.{verb.module or verb.name.replace('-', '_')}").app
    app.rich_markup_mode, app.info.cls = None, PlainGroup
    command = get_group(app) if verb.is_group else get_command(app)
    command.name, command.help = verb.name, verb.summary
    if verb.on_servers is OnServers.REFUSES:
        command.callback = _on_a_folder_only(verb, command.callback)
    return command


def _on_a_folder_only(verb: Verb, done: Callable[..., Any] | None) -> Callable[..., Any]:
    def checked(**options: Any) -> Any:
        from tallystick.servers import require_folder_only

        require_folder_only(verb.name, verb.instead)
        return None if done is None else done(**options)

    return checked


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tallystick {__version__}")
        raise typer.Exit


app = typer.Typer(
    name="tallystick",
    cls=VerbGroup,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help=_HELP,
    epilog=_EXIT_CODES,
)


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """The options of the command itself; each verb has its own."""


def _opens_services(arguments: list[str]) -> bool:
    """Whether the arguments call a verb that opens services, which log."""
    if {"-h", "--help"} & set(arguments):
        return False
    opening = (verb.name for verb in VERBS if verb.on_servers is not OnServers.STATELESS)
    return arguments[0] in opening if arguments else False


def run() -> None:
    """The verb that was asked for is done; ends the process with its exit code."""
    if _opens_services(sys.argv[1:]):
        from shared.running.logs import configure_logs

        configure_logs("warning", stream=sys.stderr)
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the command itself says what fails, in a sentence
    try:
        app()
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):  # whoever read the output went away: typer and rich say 1
            raise SystemExit(EXIT_OUTPUT_CLOSED) from None
        raise
