"""What a failure means to whoever ran the command: what happened, what was kept, what to do next, and an exit code."""

import errno
import traceback
from tempfile import NamedTemporaryFile
from typing import NamedTuple, NoReturn

from billing.domain.statement import NoAgreement, UnknownCouncil
from billing.routes.read_back import NotReadBack
from billing.statements.explaining import UnknownLine
from billing.statements.months import StatementFailed
from catalogue.adapters.partnership_files import UnknownPartnershipFile
from catalogue.domain.submission import InvalidSubmission
from catalogue.log_repair import LogAhead, LogDiffers
from shared.documents import InvalidDocument
from shared.json_values import NotStrictJson
from shared.log.port import BusError, OffsetGone
from shared.log.processor import Busy
from shared.period import MonthNotBegun
from shared.sql.engine import busy_during_outages
from shared.sql.migrate import SchemaOutdated
from shared.startup_errors import IncompatibleStore, InvalidSettings, StorageFailed
from sla_monitor.domain.archive import ArchiveLost
from sla_monitor.domain.decisions import NotAllowed
from sla_monitor.domain.evidence import NoSuchCouncil, VerdictsChanging
from tallystick.console import EXIT_BUG, EXIT_BUSY, EXIT_INVALID, fail
from tallystick.draining import NoProgress
from tallystick.replay.mapping import InvalidMapping, UnknownMapping
from tallystick.replay.scratch import NoSpaceLeft
from tallystick.replay.sending import TooManyGone
from tallystick.replay.table import UnreadableFile
from tallystick.replay.targets import UnusableTemplate
from tallystick.servers import (
    ADDRESS,
    CLIENT_ID,
    CLIENT_SECRET,
    CredentialsRefused,
    NoAnswer,
    RequestRefused,
    ServiceFailed,
    WrongAddress,
)
from tallystick.stack import EmptyFolder, FolderInUse, UnusableFolder
from tallystick.streams import give_up_output

_ADDRESSES = "BUS_URL, STATE_URL, DATABASE_URL and TALLYSTICK_VAR say where the services keep their data."
_PATHS = "What was stored is kept. Correct the path or its permissions, or set TALLYSTICK_VAR to another folder."

# Of writing, which does not say to which file: a disk, a quota, the bound of a file's size, a terminal that is gone.
_WRITE_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
_MAKE_SPACE = (
    "What was stored is kept. Make room there and in the folder for temporary files, and run it again: nothing counts "
    "twice."
)

_ARTICLES = frozenset({"a", "an", "another", "every", "expected", "no", "the", "there"})


class Advice(NamedTuple):
    """What to do about failures of some kinds, and the code with which the command ends."""

    kinds: tuple[type[Exception], ...]
    do: str
    code: int = EXIT_INVALID


ADVICE = (
    Advice((FolderInUse,), "Stop it, or set TALLYSTICK_VAR to another folder. Nothing was changed.", EXIT_BUSY),
    Advice(
        (NoProgress,),
        "What was stored is kept, and nothing more was sent. Name a new state folder (TALLYSTICK_VAR) and send all of "
        "it again; or go on with this one: `tallystick quarantine accept-flood` lets a halted partition go on.",
        EXIT_BUSY,
    ),
    Advice(
        (OffsetGone, ArchiveLost),
        "A file of the log or of a service was deleted, emptied or replaced. Put back a copy of all of them, or name a "
        "new state folder (TALLYSTICK_VAR) and send everything again.",
    ),
    Advice(
        (NoSpaceLeft, StorageFailed), "What was stored is kept. Put it right and run it again: nothing counts twice."
    ),
    Advice((UnusableFolder,), "Set TALLYSTICK_VAR to a folder that you may write. Nothing was changed."),
    Advice(
        (EmptyFolder,),
        "`tallystick replay` or `load` begins there; TALLYSTICK_VAR names another folder. Nothing was changed.",
    ),
    Advice((IncompatibleStore,), f"Nothing was changed. {_ADDRESSES}"),
    Advice((InvalidSettings, SchemaOutdated), f"{_ADDRESSES} Nothing was changed."),
    Advice((InvalidMapping, UnknownMapping), "Nothing was read. docs/replay.md describes mapping files."),
    Advice(
        (UnreadableFile, UnusableTemplate), "Correct the file or the mapping and run it again: nothing counts twice."
    ),
    Advice((TooManyGone,), "Nothing was sent.", EXIT_INVALID),
    Advice((UnknownPartnershipFile,), "Nothing was recorded. Name one of these, or the path of your own file."),
    Advice((LogAhead, LogDiffers), f"Nothing was recorded. docs/disasters.md describes it. {_ADDRESSES}"),
    Advice((InvalidSubmission,), "Nothing was recorded. docs/partnership-files.md describes the file."),
    Advice((UnknownCouncil, NoAgreement, NoSuchCouncil), "`tallystick load` adds councils and agreements."),
    Advice((UnknownLine,), "`tallystick statement COUNCIL MONTH --json` has the reference of each line."),
    Advice((NotReadBack,), "Nothing was issued. Run it again in a moment, while the services run.", EXIT_BUSY),
    Advice((StatementFailed,), "Report it. Statements of other councils are not affected."),
    Advice((MonthNotBegun,), "Nothing was written. Ask for the present month or one before it."),
    Advice((InvalidDocument, NotStrictJson), "Correct the file and run it again. Nothing was stored."),
    Advice((NotAllowed,), "Give it another --name. Nothing was ordered."),
    Advice((VerdictsChanging,), "Let the services finish, and run it again. Nothing was written.", EXIT_BUSY),
    Advice((WrongAddress,), f"Set {ADDRESS} to the address of the services' gateway. Nothing was changed."),
    Advice(
        (CredentialsRefused,),
        f"Ask whoever manages access for a new secret: {CLIENT_ID} and {CLIENT_SECRET}_FILE. Nothing was changed.",
    ),
    Advice((RequestRefused,), "Nothing was changed. Correct the request and run it again."),
    Advice(
        (ServiceFailed,),
        "Run it again; if that fails too, report the instance, which the service's log has.",
        EXIT_BUSY,
    ),
    Advice(
        (NoAnswer,),
        f"Run it again later: what was stored is kept. {ADDRESS} says where the services answer.",
        EXIT_BUSY,
    ),
    Advice((BusError, Busy), f"Run it again later: what was stored is kept. {_ADDRESSES}", EXIT_BUSY),
)


def report_failure(failure: Exception) -> NoReturn:
    """The failure is on stderr in a sentence and the command has ended; the traceback of a bug is in a file."""
    cause = _busy(_first(failure))
    for advice in ADVICE:
        if isinstance(cause, advice.kinds):
            fail(_sentence(str(cause)), do=advice.do, code=advice.code)
    if isinstance(cause, OSError) and cause.errno in _WRITE_ERRORS:
        give_up_output()
        fail(f"{cause.filename or 'A file or the output'} takes no more: {cause.strerror}.", do=_MAKE_SPACE)
    if isinstance(cause, OSError) and cause.filename is not None:
        fail(f"{cause.filename}: {cause.strerror}.", do=_PATHS)
    fail(
        f"This is a bug in Tallystick: {type(cause).__name__}: {cause}.",
        do=f"What was stored is kept. Please report it with {_details(failure)}",
        code=EXIT_BUG,
    )


def _details(failure: Exception) -> str:
    """Where the traceback is: in a file, or where none can be written, here."""
    text = "".join(traceback.format_exception(failure))
    try:
        with NamedTemporaryFile("w", prefix="tallystick-", suffix=".txt", delete=False, encoding="utf-8") as file:
            file.write(text)
    except OSError:
        return f"these details:\n{text}"
    return f"{file.name}, after reading that it holds nothing secret."


def _first(failure: Exception) -> Exception:
    """What began it: tasks that end together are wrapped in groups."""
    return _first(failure.exceptions[0]) if isinstance(failure, ExceptionGroup) else failure


def _busy(cause: Exception) -> Exception:
    """`Busy` for a database that does not answer, which not every verb has asked under `busy_during_outages`."""
    try:
        with busy_during_outages():
            raise cause  # noqa: TRY301 (raised for the context manager to name)
    except Exception as named:  # noqa: BLE001 (whatever it is, it is reported)
        return named


def _sentence(text: str) -> str:
    # What else begins in lower case may be a path, or the name of a council.
    if text.split(" ", 1)[0] in _ARTICLES:
        text = f"{text[:1].upper()}{text[1:]}"
    return text if "\n" in text or text.endswith((".", "?")) else f"{text}."
