"""Why a program cannot start as it is set up, in one sentence for whoever started it; never a traceback."""

# The form in which everything is stored. What another form holds is not converted: the log is replayed into an empty
# store. From 0.1.0 on a change of form brings its own migration instead of a new number.
STORED_FORMAT = 6


class InvalidSettings(ValueError):
    """The settings cannot be used, contradict themselves or name what cannot be used. The message repeats no secret."""


class IncompatibleStore(InvalidSettings):
    """The store that the settings name was written in another form; the message says what to do."""


class UnusableDatabase(InvalidSettings):
    """The address names no database that Tallystick can use."""


class StorageFailed(Exception):
    """The disk no longer takes or gives what is stored; the message says what to do. What was committed is kept."""


def require_stored_format(found: int, where: str, *, remedy: str) -> None:
    """Raises `IncompatibleStore` unless `found`, the format of what is stored at `where`, is `STORED_FORMAT`."""
    if found != STORED_FORMAT:
        raise IncompatibleStore(
            f"{where} was written by another release (expected stored format {STORED_FORMAT}, got {found}): {remedy}"
        )
