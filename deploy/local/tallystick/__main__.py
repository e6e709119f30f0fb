"""The `tallystick` command: demo, load, replay, backfill, explain, statement, try.

Each verb imports what it needs when it is called: the whole stack takes seconds to import, `--help` should not.
"""

import typer

from tallystick.verbs import exporting, feeding, judging, quarantine, trying, verifying

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(feeding.app)
app.add_typer(judging.app)
app.add_typer(trying.app, name="try")
app.add_typer(exporting.app, name="export")
app.add_typer(verifying.app, name="verify")
app.add_typer(quarantine.app, name="quarantine")


def main() -> None:
    """The command's entry point."""
    app()


if __name__ == "__main__":
    main()
