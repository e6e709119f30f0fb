"""Processes that close a month on one folder at once, forked from one that has imported all of it: fit to be killed."""

import asyncio
import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from unittest.mock import patch

import billing.app
import billing.settings
import catalogue.app  # noqa: F401 (imported once, before the processes are forked)
import sla_monitor.app  # noqa: F401 (as above)
from billing.domain.lifecycle import StepRefused
from billing.settings import BillingSettings
from billing.statements.closing import MonthClose
from shared.auth.principal import Principal
from shared.period import Month
from tallystick.commands.close_month import close_on_folder
from tallystick.failures import report_failure
from tallystick.stack import Stack

OUTPUT = "closes.txt"  # what the processes of a folder wrote to standard error
_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])


@contextmanager
def billing_at(url: str) -> Iterator[None]:
    """Within it billing works on the database at `url`, whatever folder the other services work on."""
    with patch.object(billing.settings, "BillingSettings", partial(BillingSettings, DATABASE_URL=url)):
        yield


def start_closing(folder: Path, url: str, month: Month) -> tuple[ForkServerProcess, Event]:
    """A process that looks at the month, approves what it is shown and issues it; the event is set as it begins to."""
    begun = _CONTEXT.Event()
    process = _CONTEXT.Process(target=_close, args=(folder, url, month, begun), daemon=True)
    process.start()
    return process, begun


def _close(folder: Path, url: str, month: Month, begun: Event) -> None:
    """One person's close. Where another's was quicker, what it showed is no more, and somebody looks again."""
    os.dup2(os.open(folder / OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)

    async def close(stack: Stack, caller: Principal) -> MonthClose:
        begun.set()
        await stack.billing.read_back.require()
        shown = await stack.billing.closing.look(month, scope=caller.scope)
        with suppress(StepRefused):
            await stack.billing.closing.close(caller, month, approved_digest=shown.digest, words="")
        return await stack.billing.closing.issue(caller, month)

    with billing_at(url):
        try:
            asyncio.run(close_on_folder(folder, close))
        except Exception as failure:  # noqa: BLE001 (said as the command says it, and its exit code)
            traceback.print_exception(failure)
            report_failure(failure)
