"""`tallystick approvals`: which differences were approved, by whom, when and why."""

from tallystick.commands import desks
from tallystick.console import out


def approvals(service: str | None) -> None:
    """Every approval is printed, the oldest first."""
    desks.run(_approvals(service))


async def _approvals(service: str | None) -> None:
    async with desks.readers(service) as apps:
        told = [(each, app.quarantine.service) for app in apps for each in app.approvals.all()]
    for each, name in sorted(told, key=lambda held: held[0].approved_at):
        at = f"{each.approved_at:%Y-%m-%d %H:%M:%S}Z"
        line = f"{at}  {each.subject}  {each.events:,}  {each.digest[:16]}  {name}  {each.actor}: {each.reason}"
        out.print(line, highlight=False, markup=False, soft_wrap=True)
