"""`tallystick access`: the first operator, and a signing key that leaked, on the folder of this machine."""

import asyncio
from typing import Annotated

import typer

from tallystick.authorisation import confirm
from tallystick.console import answer, var_folder
from tallystick.options import Json, Yes
from tallystick.stack import open_stack

app = typer.Typer(add_completion=False)


@app.command()
def bootstrap(as_json: Json = False) -> None:
    """The operators' client exists, by which everybody else is let in; its secret is shown this once.

    With TALLYSTICK_CLIENT_ID and TALLYSTICK_CLIENT_SECRET_FILE set, it is that one, and has that secret alone.
    """
    from catalogue.clients import bootstrap_credentials

    id_, secret, is_given = bootstrap_credentials()

    async def made() -> None:
        async with open_stack(var_folder()) as stack:
            await stack.catalogue.bootstrap(id_, secret)

    asyncio.run(made())
    lines = [f"TALLYSTICK_CLIENT_ID={id_}"]
    if not is_given:
        lines += [
            f"TALLYSTICK_CLIENT_SECRET={secret}",
            "The secret is shown this once: put it in the file that TALLYSTICK_CLIENT_SECRET_FILE names.",
        ]
    answer({"client_id": id_, "client_secret": None if is_given else secret}, lines, as_json=as_json)


@app.command("drop-key")
def drop_key(
    kid: Annotated[str, typer.Argument(help="The id of the key, as /.well-known/jwks.json has it.")],
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Whatever the signing key has signed is void, everywhere and for ever: everybody signs in again."""
    confirm(f"Is all that {kid} has signed void, for ever?", yes=yes)

    async def dropped() -> None:
        async with open_stack(var_folder()) as stack:
            await stack.catalogue.drop_key(kid)

    asyncio.run(dropped())
    answer({"kid": kid}, [f"Nothing that {kid} has signed is accepted any more."], as_json=as_json)
