"""The command's entry point, which imports the command only once Ctrl-C ends it in a line."""

from tallystick.interruption import end_at_once
from tallystick.streams import prepare_streams


def main() -> None:
    """The command has run."""
    end_at_once()
    prepare_streams()
    from tallystick.command import run

    run()


if __name__ == "__main__":
    main()
