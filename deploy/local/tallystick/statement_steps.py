"""Steps with statements on the folder of this machine: taken after all that the log holds was read, and published."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from tallystick.console import EXIT_BUSY, fail, var_folder
from tallystick.servers import ADDRESS
from tallystick.stack import FolderInUse, exclusive_use, open_existing_stack, require_data

if TYPE_CHECKING:  # importing it takes time
    from billing.app import BillingApp

T = TypeVar("T")


def stepped(step: "Callable[[BillingApp], T]", *, named: str | None = None) -> T:
    """What `step` made of the folder's statements; ends the command where it cannot be.

    `named` is the exclusion or correction run that the step refers to.
    """
    from billing.domain.lifecycle import StepRefused
    from billing.domain.queries import InvalidStep
    from billing.domain.statement import NoAgreement, UnknownCouncil
    from billing.statements.explaining import UnknownLine
    from billing.statements.months import StatementFailed
    from billing.statements.payments import NotIssued, UnknownPayment
    from billing.statements.queries import UnknownQuery
    from shared.period import MonthNotBegun

    unknown = UnknownCouncil, NoAgreement, MonthNotBegun, UnknownLine, UnknownQuery, NotIssued, UnknownPayment

    async def taken() -> T:
        async with open_existing_stack(var_folder()) as stack:
            await stack.meter()
            if named is not None:
                await stack.billing.decisions.catch_up()
            done = await asyncio.to_thread(step, stack.billing)
            await stack.meter()
            return done

    try:
        require_data(var_folder())
        with exclusive_use(var_folder()):
            return asyncio.run(taken())
    except FolderInUse as busy:
        fail(f"{busy}.", do=f"Set {ADDRESS} to its address, and run the same command.", code=EXIT_BUSY)
    except InvalidStep as refused:
        fail(f"{refused.field}: {refused}.", do="Nothing was stored. docs/queries-and-payments.md says what can be.")
    except StepRefused as refused:
        fail(f"{refused}.", do="Nothing was stored.")
    except unknown as missing:
        fail(f"{missing}.", do="Nothing was stored. `tallystick statement` shows a statement.")
    except StatementFailed as failure:
        fail(f"{failure}.", do="Nothing was stored.")


def here(read: "Callable[[BillingApp], T]") -> T:
    """What `read` finds in the folder, which may be in use."""

    async def found() -> T:
        async with open_existing_stack(var_folder()) as stack:
            return await asyncio.to_thread(read, stack.billing)

    return asyncio.run(found())
