"""`python -m catalogue` serves; `migrate` brings the database to the newest schema; `load NAME` records a partnership.

NAME is a shipped example or the path of a partnership file. After a loss `announce` publishes every version that the
log does not hold, and `restore` records every version that the database does not. `bootstrap` makes the client by which
operators call first; `drop-key KID` makes void what a leaked signing key has signed.
"""

import getpass
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import structlog

from catalogue.adapters.partnership_files import UnknownPartnershipFile
from catalogue.app import CatalogueApp, build
from catalogue.clients import CLIENT_ID, CLIENT_SECRET, bootstrap_credentials
from catalogue.domain.clients import RefusedClient
from catalogue.domain.proposals import ProposalRefused
from catalogue.domain.submission import InvalidSubmission
from catalogue.handlers import RecordResult
from catalogue.log_repair import LogAhead, LogDiffers
from catalogue.ports import StoredProposal
from catalogue.settings import CatalogueSettings
from shared.bus.connect import connect
from shared.clock import WallClock
from shared.contracts.topics import TOPICS
from shared.running.app import ServiceProgram
from shared.running.command import main
from shared.startup_errors import InvalidSettings

# Who proposes what is loaded on servers: whoever may run the command there has no name of their own.
LOADED_BY = "catalogue-load"
log = structlog.get_logger()


async def load(settings: CatalogueSettings, arguments: Sequence[str]) -> None:
    """The partnership's definitions are recorded, and the log has every version; what is there already stays as it is.

    Nothing is recorded while the log holds versions that the database has lost. On servers a change of prices or terms
    is proposed, once the catalogue has any: somebody who signs in approves it.
    """
    if len(arguments) != 1:
        raise InvalidSettings("expected `load NAME`: a shipped example or a partnership file")
    async with _opened(settings) as app:
        if settings.is_local:
            done: RecordResult | StoredProposal | None = await app.record(arguments[0], actor=getpass.getuser())
        else:
            done = await app.record_or_propose(arguments[0], actor=LOADED_BY)
        match done:
            case RecordResult():
                log.info("catalogue.loaded", added=len(done.added), unchanged=done.unchanged)
            case StoredProposal():
                where = "somebody else approves it at /approvals"
                log.info("catalogue.proposed", proposal=done.id, documents=len(done.data.definitions), next=where)
            case None:
                log.info("catalogue.loaded", added=0)


async def announce(settings: CatalogueSettings, arguments: Sequence[str]) -> None:
    """The log holds every version; those that it holds already are not published again."""
    _require_none("announce", arguments)
    async with _opened(settings) as app:
        log.info("catalogue.announced", versions=await app.announce())


async def restore(settings: CatalogueSettings, arguments: Sequence[str]) -> None:
    """The database holds every version that the log does, recorded when it was; who recorded it is not in the log."""
    _require_none("restore", arguments)
    async with _opened(settings) as app:
        log.info("catalogue.restored", versions=await app.restore(actor="catalogue restore"))


async def bootstrap(settings: CatalogueSettings, arguments: Sequence[str]) -> None:
    """The operators' first client exists, with the settings' id and secret, or with new ones, which are printed."""
    _require_none("bootstrap", arguments)
    id_, secret, is_given = bootstrap_credentials()
    async with _opened(settings) as app:
        await app.bootstrap(id_, secret)
    log.info("catalogue.bootstrapped", client=id_)
    if not is_given:
        print(f"{CLIENT_ID}={id_}\n{CLIENT_SECRET}={secret}")  # noqa: T201 (shown this once, to whoever asked)


async def drop_key(settings: CatalogueSettings, arguments: Sequence[str]) -> None:
    """Whatever the signing key has signed is void, everywhere and for ever."""
    if len(arguments) != 1:
        raise InvalidSettings("expected `drop-key KID`: the id of the key, as /.well-known/jwks.json has it")
    async with _opened(settings) as app:
        await app.drop_key(arguments[0])
        log.info("catalogue.key_dropped", kid=arguments[0])


@asynccontextmanager
async def _opened(settings: CatalogueSettings) -> AsyncIterator[CatalogueApp]:
    """The catalogue, with its topics made. What the user can put right ends the command in one sentence."""
    bus = connect(settings.bus)
    app = build(settings, bus=bus, clock=WallClock())
    try:
        await bus.ensure_topics(TOPICS)
        yield app
    except (UnknownPartnershipFile, InvalidSubmission, LogAhead, LogDiffers, RefusedClient, ProposalRefused) as fault:
        raise InvalidSettings(str(fault)) from fault
    finally:
        await app.close()
        await bus.close()


def _require_none(verb: str, arguments: Sequence[str]) -> None:
    if arguments:
        raise InvalidSettings(f"expected `{verb}` alone")


if __name__ == "__main__":
    main(
        ServiceProgram(
            package="catalogue",
            settings=CatalogueSettings,
            build=build,
            verbs={
                "load": load,
                "announce": announce,
                "restore": restore,
                "bootstrap": bootstrap,
                "drop-key": drop_key,
            },
        ),
        sys.argv[1:],
    )
