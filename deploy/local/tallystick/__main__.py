"""The `tallystick` command: a table of its verbs, each in a file of `tallystick.commands`.

A verb's file is imported when the verb is called: the services take a second to import, and `--help` does not wait.
"""

import logging
import sys
from importlib import import_module
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException
from typer.main import get_command, get_group

from tallystick import __version__
from tallystick.console import EXIT_INTERRUPTED, EXIT_OUTPUT_CLOSED, err, out

_HELP = (
    "Monitor service levels and recharge councils for shared services.\n\n"
    "State is kept in the folder that TALLYSTICK_VAR names, else in ./var. Services on servers are found by BUS_URL, "
    "STATE_URL and DATABASE_URL. Answers go to standard output, with --json as JSON; progress and failures to standard "
    "error."
)
_EXIT_CODES = (
    "Exit codes: 0 done; 1 a file does not verify, or not all of a replay is applied; 2 an argument, file or setting "
    "cannot be used; 3 in use, behind or "
    "unreachable: run it again later; 70 a bug in Tallystick; 130 interrupted; 141 the reader of the output went away."
)


class Verb(NamedTuple):
    """A verb as the root help lists it. `module` holds its `app`; a group has verbs of its own."""

    name: str
    panel: str
    summary: str
    module: str = ""
    is_group: bool = False


_TRY, _LOAD, _ASK, _HAND_OVER, _DECIDE = (
    "See it work",
    "Bring data in",
    "Ask",
    "Hand over and check",
    "Correct and decide",
)
VERBS = (
    Verb("demo", _TRY, "Serve an example partnership with a year of illustrative data on this machine."),
    Verb("illustrate", _TRY, "Send illustrative events of an example to the log that BUS_URL names."),
    Verb("load", _LOAD, "Load a partnership's councils, services, calendars, agreements and tariffs."),
    Verb("replay", _LOAD, "Turn a CSV of an existing system into events, verdicts and usage."),
    Verb("backfill", _LOAD, "Show what past events that never arrived would change; send them once approved."),
    Verb("explain", _ASK, "Say why an item's verdicts are what they are."),
    Verb("statement", _ASK, "Print a council's monthly recharge statement, or write it in every form."),
    Verb("try", _ASK, "Try a target before it is agreed. Nothing is stored.", module="try_target", is_group=True),
    Verb("what-if", _ASK, "Show how a draft target, calendar or agreement would have changed past months."),
    Verb("rate", _ASK, "Show what the verdicts of a rebuild would do to recharges."),
    Verb("export", _HAND_OVER, "Write files for other tools and other people.", is_group=True),
    Verb("verify", _HAND_OVER, "Check a file by itself, without any state.", is_group=True),
    Verb("correct", _DECIDE, "Evaluate ended items again by today's catalogue, and publish what changes."),
    Verb("quarantine", _DECIDE, "List invalid records, and redrive or discard them.", is_group=True),
    Verb("approvals", _DECIDE, "List everything that was approved: when, what, by whom, why."),
)


class VerbGroup(TyperGroup):
    """Lists the verbs without importing them; whatever fails ends in a sentence and an exit code, not a traceback."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for verb in VERBS:
            self.add_command(TyperCommand(verb.name, help=verb.summary, rich_help_panel=verb.panel))

    # typer's own types of contexts and commands are private.
    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The verb that is called, imported now."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, next(_imported(verb) for verb in VERBS if verb.name == name), rest

    def invoke(self, ctx: Any) -> Any:
        """The verb is done; a failure is reported and ends the command."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, TyperException):
            raise
        except BrokenPipeError:
            out.on_broken_pipe()
        except KeyboardInterrupt:
            err.print("Interrupted. What was stored is kept; running the same command again goes on from there.")
            raise typer.Exit(EXIT_INTERRUPTED) from None
        except Exception as failure:  # noqa: BLE001 (the last resort: nobody who runs a command sees a traceback)
            from tallystick.failures import report_failure

            report_failure(failure)


def _imported(verb: Verb) -> Any:
    app = import_module(f"tallystick.commands.{verb.module or verb.name.replace('-', '_')}").app
    command = get_group(app) if verb.is_group else get_command(app)
    command.name, command.help = verb.name, verb.summary
    return command


def _print_version(wanted: bool) -> None:
    if wanted:
        out.print(f"tallystick {__version__}")
        raise typer.Exit


app = typer.Typer(
    name="tallystick",
    cls=VerbGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
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


def main() -> None:
    """The command's entry point."""
    if len(sys.argv) > 1 and not {"-h", "--help", "--version"} & set(sys.argv):  # help needs no logs
        from shared.running.logs import configure_logs

        configure_logs("warning", stream=sys.stderr)
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the command itself says what fails, in a sentence
    try:
        app()
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):  # typer's console, which prints help, ends with 1
            raise SystemExit(EXIT_OUTPUT_CLOSED) from None
        raise


if __name__ == "__main__":
    main()
