"""`tallystick doctor`: what is reachable, what the caller may do, and whose clock is wrong."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import typer

from tallystick.console import EXIT_BUSY, answer, plain_table, var_folder
from tallystick.options import Json
from tallystick.servers import ADDRESS, CredentialsRefused, NoAnswer, ServiceApi, WrongAddress, service_api

# As much ahead as events may be dated; an honest clock differs by seconds.
_MOST_SKEW_S = 60
app = typer.Typer(add_completion=False)


class DoctorCheck(NamedTuple):
    """One thing that was looked at; `do` is what to do where it is not in order."""

    what: str
    ok: bool
    found: str
    do: str = ""


@app.command()
def doctor(as_json: Json = False) -> None:
    """Everything that the command needs is looked at once. Nothing is changed, and no secret is shown."""
    api = service_api("GET /v1/events")
    findings = list(_of_folder(var_folder()) if api is None else _of_servers(api))
    rows = [(each.what, "ok" if each.ok else "NOT OK", each.found) for each in findings]
    advice = [f"{each.what}: {each.do}" for each in findings if each.do]
    answer(
        [each._asdict() for each in findings],
        [*plain_table(("Looked at", "", "Found"), rows), *advice],
        as_json=as_json,
    )
    if not all(each.ok for each in findings):
        raise typer.Exit(EXIT_BUSY)


def _of_folder(folder: Path) -> Iterator[DoctorCheck]:
    stored = sorted(each.name for each in folder.glob("*.db")) if folder.is_dir() else []
    yield DoctorCheck("settings", True, "no server is named: the state is in a folder")
    if not stored:
        yield DoctorCheck("folder", True, f"{folder} is empty", "`tallystick demo` or `tallystick load` fills it.")
        return
    usable = os.access(folder, os.R_OK | os.W_OK)
    yield DoctorCheck(
        "folder", usable, f"{folder}: {', '.join(stored)}", "" if usable else "Make it readable and writable."
    )
    yield DoctorCheck("rights", True, "all of them: the files are yours")


def _of_servers(api: ServiceApi) -> Iterator[DoctorCheck]:
    yield DoctorCheck("settings", True, f"{ADDRESS} is {api.address}")
    try:
        skew_s = _clock_skew_s(api.address)
    except (NoAnswer, WrongAddress) as fault:
        yield DoctorCheck("services", False, str(fault), f"Compare {ADDRESS} with the address of the gateway.")
        return
    yield DoctorCheck("services", True, "the catalogue answers")
    if skew_s is not None:
        right = abs(skew_s) <= _MOST_SKEW_S
        advice = "" if right else "Set this machine's clock: events dated over five minutes ahead are refused."
        yield DoctorCheck(
            "clock", right, f"this machine is {abs(skew_s):.0f} s {'ahead' if skew_s > 0 else 'behind'}", advice
        )
    yield from _rights(api)


def _rights(api: ServiceApi) -> Iterator[DoctorCheck]:
    if api.client is None:
        return
    try:
        claims = _claims(api.client.token(api.address))
    except CredentialsRefused as refused:
        yield DoctorCheck("credentials", False, str(refused), "`tallystick clients rotate` makes a new secret.")
        return
    except NoAnswer as fault:
        yield DoctorCheck("credentials", False, str(fault), "Run it again in a few seconds.")
        return
    roles = ", ".join(claims.get("roles", ()))
    yield DoctorCheck("credentials", True, f"client {api.client.id}")
    councils = ", ".join(claims.get("scope", {}).get("councils", ())) or "every council"
    yield DoctorCheck("rights", bool(roles), f"{roles or 'none'}, for {councils}")
    if sources := claims.get("sources"):
        yield DoctorCheck("sources", True, ", ".join(sources))


def _clock_skew_s(address: str) -> float | None:
    """How far this machine's clock is ahead of the services'; None where they do not say. Raises as `ServiceApi`."""
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime
    from urllib.error import URLError
    from urllib.request import urlopen

    try:
        with urlopen(f"{address}/.well-known/jwks.json", timeout=10) as answered:  # noqa: S310 (`read_address` lets http and https in)
            dated = answered.headers.get("Date")
    except URLError as fault:
        raise NoAnswer(f"{address} was not reached: {getattr(fault, 'reason', fault)}") from fault
    except (OSError, ValueError) as fault:
        raise NoAnswer(f"{address} broke off its answer") from fault
    with suppress(TypeError, ValueError):
        return (datetime.now(UTC) - parsedate_to_datetime(dated)).total_seconds()
    return None


def _claims(token: str) -> dict[str, Any]:
    """What the token says, unverified: whoever gave it just now is who it is for."""
    import base64

    import msgspec

    payload = token.split(".")[1]
    found: dict[str, Any] = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return found
