"""`tallystick acknowledge`: a council signs, with a key of its own, the statement that it has verified."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tallystick.commands.verify import given_file, read_keys
from tallystick.console import EXIT_NOT_VERIFIED, answer, err, fail, require_writable, write_file
from tallystick.options import Json, input_file

if TYPE_CHECKING:
    from shared.auth.sealing import SealingKey

app = typer.Typer(add_completion=False)


@app.command()
def acknowledge(
    file: Annotated[Path, input_file("The tally of an issued statement.")],
    *,
    key: Annotated[Path, typer.Option(metavar="FILE", dir_okay=False, help="The council's private key: PEM or JWK.")],
    new_key: Annotated[bool, typer.Option("--new-key", help="Make the key first; its file must not exist.")] = False,
    provider_key: Annotated[Path | None, given_file("The provider's public keys: JWK set or PEM.")] = None,
    to: Annotated[Path | None, typer.Option(help="Where to write it.", show_default="beside the tally")] = None,
    as_json: Json = False,
) -> None:
    """The tally is verified, and the council's acknowledgement of it written. Nothing is sent.

    Keep the acknowledgement and the tally together, and the key apart from both.
    """
    from billing.tally.acknowledging import NothingToAcknowledge, acknowledge, acknowledgement_bytes
    from billing.tally.checking import verify
    from shared.clock import WallClock

    path = to or file.with_name(f"{file.name.partition('.')[0]}.acknowledgement.json")
    require_writable(path)
    found = verify(file, keys=read_keys(provider_key))
    if found.faults or found.number is None:
        err.print(found.faults[0] if found.faults else "It is a draft, which can still change.")
        err.print("Nothing was signed: acknowledge the tally of an issued statement that verifies.")
        raise SystemExit(EXIT_NOT_VERIFIED)
    own = _made_key(key) if new_key else _read_key(key)
    try:
        signed = acknowledge(found, own, WallClock().now())
    except NothingToAcknowledge as nothing:
        fail(f"Nothing was signed: {nothing}.", do="Ask the provider for the tally.", code=EXIT_NOT_VERIFIED)
    write_file(path, acknowledgement_bytes(signed))
    lines = [
        f"Acknowledged: statement {found.number} of {found.council} for {found.month}, as in {file.name}.",
        f"Signed by the key {own.kid}. Give others its public half, which is in the file: {path}",
        f"Send it with POST /v1/statements/{found.council}/{found.month}/acknowledgement, and keep it with the tally.",
    ]
    answer(signed, lines, as_json=as_json)


def _read_key(path: Path) -> "SealingKey":
    from shared.auth.sealing import NotAKey, read_private_key

    try:
        return read_private_key(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        fail(f"{path} does not exist.", do="Name the council's key, or make one with --new-key.")
    except (NotAKey, UnicodeDecodeError, OSError) as fault:
        why = str(fault) if isinstance(fault, NotAKey) else "it cannot be read as text"
        fail(f"{path} has no private key: {why}.", do="Name the council's key, or make one with --new-key.")


def _made_key(path: Path) -> "SealingKey":
    """A new key in a file that only its owner can read; ends the command where there is a file already."""
    from shared.auth.sealing import new_private_key, read_private_key

    text = new_private_key()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        fail(f"{path} exists.", do="It is kept. Leave out --new-key to sign by it, or name another file.")
    except OSError as fault:
        fail(f"{path} cannot be written: {fault.strerror}.", do="Name another place. Nothing was signed.")
    return read_private_key(text)
