"""`tallystick verify`: a file is checked by itself, without any state: a statement's tally, or a month's evidence."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tallystick.console import EXIT_NOT_VERIFIED, answer, err, fail
from tallystick.options import Json, input_file

if TYPE_CHECKING:
    from billing.tally.checking import Verification
    from shared.auth.sealing import SealingKey

_SHOWN = 50
# Enough of a file to see what it is.
_BEGINNING = 4096

app = typer.Typer(add_completion=False)


def given_file(what: str) -> typer.models.OptionInfo:
    """An option that names a file, which exists and can be read; `what` says what it holds."""
    found: typer.models.OptionInfo = typer.Option(exists=True, dir_okay=False, readable=True, metavar="FILE", help=what)
    return found


@app.command()
def verify(
    file: Annotated[Path, input_file("A statement's tally, or a council's month of evidence.")],
    *,
    key: Annotated[Path | None, given_file("The provider's public keys, from its site: JWK set or PEM.")] = None,
    previous: Annotated[Path | None, given_file("The document before this one: its tally or its JSON.")] = None,
    acknowledgement: Annotated[Path | None, given_file("What the council signed when it had this statement.")] = None,
    council_key: Annotated[Path | None, given_file("The council's public key, as the council gave it to you.")] = None,
    as_json: Json = False,
) -> None:
    """Count and rate everything in the file again, and name the first thing that differs.

    No server is asked. Without --key it is said by which key the file is signed, which you have not confirmed.
    """
    if _is_evidence(file):
        if key or previous or acknowledgement or council_key:
            raise typer.BadParameter("a month of evidence has no signature and no document before it: leave them out")
        _verify_evidence(file, as_json=as_json)
    else:
        _verify_tally(file, key, previous, acknowledgement, council_key, as_json=as_json)


def read_keys(file: Path | None) -> "tuple[SealingKey, ...]":
    """The public keys in a file, none where there is no file; ends the command where it has none."""
    from shared.auth.sealing import NotAKey, read_public_keys

    if file is None:
        return ()
    try:
        return read_public_keys(file.read_text(encoding="utf-8"))
    except (NotAKey, UnicodeDecodeError, OSError) as fault:
        why = str(fault) if isinstance(fault, NotAKey) else "it cannot be read as text"
        fail(f"{file} has no key: {why}.", do="Name the file that the provider's or the council's site has.")


def _verify_tally(
    file: Path,
    key: Path | None,
    previous: Path | None,
    acknowledgement: Path | None,
    council_key: Path | None,
    *,
    as_json: bool,
) -> None:
    from billing.tally.checking import verify as verified

    if council_key is not None and acknowledgement is None:
        raise typer.BadParameter("name the acknowledgement that it signed", param_hint="--acknowledgement")
    keys, council_keys = read_keys(key), read_keys(council_key)
    found = verified(file, keys=keys)
    if previous is not None and found.tally_sha256:
        _compare_previous(found, previous)
    if acknowledgement is not None and found.tally_sha256:
        _compare_acknowledged(found, acknowledgement, council_keys)
    answer(found, [] if found.faults else tally_lines(found), as_json=as_json)
    _end_with(found.faults)


def _compare_previous(found: "Verification", previous: Path) -> None:
    from billing.tally.acknowledging import previous_faults
    from billing.tally.reading import TallyFault

    try:
        found.faults += previous_faults(previous, found)
    except TallyFault as fault:
        found.faults.append(f"{previous.name}: {fault}")
    else:
        found.notes.append(f"The document before it was compared: {previous.name}.")


def _compare_acknowledged(found: "Verification", file: Path, keys: "Sequence[SealingKey]") -> None:
    from billing.tally.acknowledging import (
        MAX_BYTES,
        NoAcknowledgement,
        acknowledgement_faults,
        read_acknowledgement,
    )

    try:
        with file.open("rb") as opened:
            signed = read_acknowledgement(opened.read(MAX_BYTES + 1), keys)
    except NoAcknowledgement as fault:
        found.faults.append(f"{file.name}: {fault}")
        return
    found.faults += acknowledgement_faults(signed, found)
    confirmed = "" if keys else ", which you have not confirmed (--council-key)"
    found.notes.append(f"Acknowledged by the council with the key {signed.key['kid']}{confirmed}.")


def tally_lines(found: "Verification") -> list[str]:
    """What was checked of a tally in which nothing differs, for people."""
    from shared.money import format_gbp
    from shared.web.formats import counted

    named = "a draft" if found.number is None else f"statement {found.number}"
    total = "" if found.total_pence is None else f", {format_gbp(found.total_pence)} before VAT"
    signed = [
        f"Signed by the key {found.signed_by}"
        + (", which is one of those you gave." if found.is_key_given else ", which you have not confirmed (--key).")
    ]
    return [
        f"Verified: {named} of {found.council} for {found.month}{total}.",
        f"Counted again: {counted(found.events, 'event')} and {counted(found.verdicts, 'verdict')}. Every line was "
        "rated again.",
        "No difference was found.",
        *(signed if found.signed_by else []),
        *found.notes,
        f"Rules of rating: {found.rules_version}",
        f"SHA-256 of the statement: {found.statement_sha256}",
        f"SHA-256 of the tally: {found.tally_sha256}",
    ]


def _is_evidence(file: Path) -> bool:
    """Whether it begins as a month of evidence does; whatever else it is, the check of a tally says what is wrong."""
    with file.open("rb") as opened:
        beginning = opened.read(_BEGINNING).split(b"\n")[0]
    return b'"kind":"heading"' in beginning or b'"tallystick-evidence' in beginning


def _verify_evidence(file: Path, *, as_json: bool) -> None:
    """Every verdict of an evidence file is judged again, and whatever was altered is named."""
    from shared.web.formats import counted
    from sla_monitor.domain.verification import verify as judged

    found = judged(file.read_bytes())
    lines = []
    if found.heading is not None and not found.faults:
        of = f"{found.heading.council} in {found.heading.month}"
        lines = [
            f"Evaluated again: {counted(found.verdicts, 'verdict')} on {counted(found.items, 'item')} of {of}.",
            "No difference was found.",
            *(f"Not judged when the file was made, and in no figure: {item}." for item in found.failed_items[:_SHOWN]),
            f"SHA-256 of the file: {found.file_sha256}",
            f"SHA-256 in the seal: {found.seal_sha256}",
        ]
    answer(found, lines, as_json=as_json)
    _end_with(found.faults)


def _end_with(faults: list[str]) -> None:
    for fault in faults[:_SHOWN]:
        err.print(fault)
    if len(faults) > _SHOWN:
        err.print(f"… and {len(faults) - _SHOWN:,} more; --json lists them all")
    if faults:
        raise SystemExit(EXIT_NOT_VERIFIED)
