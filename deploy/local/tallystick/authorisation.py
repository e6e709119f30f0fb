"""Who decides, why, and whether they mean it: asked of everybody who changes what others rely on."""

import getpass
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import typer

from shared.contracts.scalars import ID_PATTERN
from tallystick.console import fail

if TYPE_CHECKING:  # it takes time to import
    from shared.auth.principal import Principal


@dataclass(frozen=True, slots=True)
class Authorisation:
    """Who authorises a change, and why."""

    actor: str
    reason: str

    @classmethod
    def of(cls, actor: str | None, reason: str) -> Self:
        """That of `actor`, or of whoever is logged in; ends the command where it cannot be stored."""
        from shared.sql.columns import MAX_REASON_LENGTH

        text = " ".join(reason.split())
        if not text or len(text) > MAX_REASON_LENGTH or not text.isprintable():
            fail("The reason is empty, too long or not printable.", do=f"Use 1 to {MAX_REASON_LENGTH} characters.")
        name = actor if actor is not None else login_name()
        if not re.match(ID_PATTERN, name):
            fail(f"{name!r} cannot be stored as a name.", do="Use --actor with letters, digits and _.-")
        return cls(name, text)


def confirm(question: str, *, yes: bool) -> None:
    """Somebody has agreed; ends the command where they do not, or where nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        fail("Nobody can be asked here.", do="Add --yes if you mean it. Nothing was done.")
    typer.confirm(question, abort=True, err=True)


def local_principal(actor: str | None = None) -> "Principal":
    """Whoever runs the command on a local stack, for both sides; ends the command where that cannot be stored."""
    from shared.auth.principal import Principal

    name = actor or login_name()
    if not re.match(ID_PATTERN, name):
        fail(f"{name!r} cannot be stored as a name.", do="Log in by a name of letters, digits and _.-")
    return Principal.local(name)


def login_name() -> str:
    """Who runs the command; ends it where that is not known."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        fail("Who is logged in is not known.", do="Name yourself with --actor.")
