"""The services of a folder ingest what its log holds, where nobody else runs them."""

from contextlib import suppress

from tallystick.console import progress, var_folder
from tallystick.servers import named_servers
from tallystick.stack import FolderInUse, exclusive_use, open_as_judged


async def ingest_here() -> None:
    """The folder's services have done all there is to do, as of the instant that holds there.

    Nothing is done where they run on servers, or in another process, which does it. Raises `NoProgress`.
    """
    if named_servers() is not None:
        return
    folder = var_folder()
    with suppress(FolderInUse), exclusive_use(folder):
        async with open_as_judged(folder) as stack:
            with progress() as bars:
                await stack.drain_showing(bars, "Judging and metering")
