"""`tallystick clients`, `tallystick access` and `tallystick audit`, on a folder and on servers."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tallystick.command import app
from tallystick.servers import SETTINGS
from tests.support.served import CREDENTIALS, served

MADE = ("clients", "add", "Ticket system", "--role", "integrator", "--council", "adur")
SOURCE = "/councils/adur/systems/tickets"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("access")


@pytest.fixture(scope="module", name="servers")
def _servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("served")) as address:
        yield address


@pytest.fixture(params=["folder", "servers"])
def where(request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment in which the command works on a folder, or asks servers."""
    if request.param == "folder":
        return {"TALLYSTICK_VAR": str(request.getfixturevalue("folder"))}
    return {"TALLYSTICK_URL": request.getfixturevalue("servers"), **CREDENTIALS}


def run(env: dict[str, str], *arguments: str) -> Result:
    unset: dict[str, str | None] = dict.fromkeys((*SETTINGS, *CREDENTIALS))
    return CliRunner(env=unset | {"COLUMNS": "200"} | env).invoke(app, [*arguments])


def answered(env: dict[str, str], *arguments: str) -> Any:
    result = run(env, *arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_a_client_is_made_listed_rotated_and_revoked_and_each_secret_is_shown_once(where: dict[str, str]) -> None:
    made = answered(where, *MADE, "--source", SOURCE, "--days", "30")
    id_, secrets = made["client"]["id"], [made["client_secret"]]
    assert (made["client"]["roles"], made["client"]["sources"]) == (["integrator"], [SOURCE])

    secrets.append(answered(where, "clients", "rotate", id_)["client_secret"])
    third = run(where, "clients", "rotate", id_)
    assert (third.exit_code, "two secrets" in third.stderr) == (2, True)
    assert len(answered(where, "clients", "rotate", id_, "--drop-older")["secrets"]) == 1

    shown = answered(where, "clients", "list")
    text = run(where, "clients", "list").stdout + json.dumps(shown)
    assert id_ in {each["id"] for each in shown}
    assert (len(set(secrets)), all(secret.startswith("tss_") for secret in secrets)) == (2, True)
    assert not any(secret in text for secret in secrets)

    assert run(where, "clients", "revoke", id_).exit_code == 2  # nobody can be asked whether they mean it
    assert answered(where, "clients", "revoke", id_, "--yes")["revoked_at"] is not None
    assert "revoked 20" in run(where, "clients", "list").stdout
    assert run(where, "clients", "rotate", id_).exit_code == 2


def test_for_people_the_credentials_are_printed_as_settings(where: dict[str, str]) -> None:
    result = run(where, *MADE, "--source", SOURCE)

    first, second, words = result.stdout.splitlines()
    assert first.startswith("TALLYSTICK_CLIENT_ID=tsc_")
    assert second.startswith("TALLYSTICK_CLIENT_SECRET=tss_")
    assert "shown this once" in words


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("clients", "add", "X", "--role", "emperor"), "unknown role"),
        (("clients", "add", "X", "--role", "operator"), "cannot be allowed to give access"),
        (("clients", "add", "X", "--role", "approver"), "two people"),
        (("clients", "add", "X", "--role", "integrator", "--council", "adur"), "sources are an integrator's"),
        (("clients", "rotate", "tsc_nothing"), ""),
        (("clients", "revoke", "tsc_nothing", "--yes"), ""),
        (("clients", "add", "X", "--role", "auditor", "--days", "400"), "366"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(where: dict[str, str], arguments: tuple[str, ...], words: str) -> None:
    result = run(where, *arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert words in " ".join(result.stderr.split())


def test_the_first_operator_is_made_on_a_folder_and_a_given_one_gets_its_secret(tmp_path: Path) -> None:
    env = {"TALLYSTICK_VAR": str(tmp_path)}

    made = answered(env, "access", "bootstrap")
    given = answered(env | CREDENTIALS, "access", "bootstrap")

    assert made["client_secret"].startswith("tss_")
    assert (given["client_id"], given["client_secret"]) == (CREDENTIALS["TALLYSTICK_CLIENT_ID"], None)
    listed = {each["id"]: each["roles"] for each in answered(env, "clients", "list")}
    assert listed == {made["client_id"]: ["operator"], given["client_id"]: ["operator"]}
    half = run(env | {"TALLYSTICK_CLIENT_ID": "tsc_0123456789abcdef"}, "access", "bootstrap")
    assert (half.exit_code, "or neither" in half.stderr) == (2, True)


@pytest.mark.parametrize("arguments", [("access", "bootstrap"), ("access", "drop-key", "k", "--yes")])
def test_on_servers_it_is_said_where_access_begins(arguments: tuple[str, ...]) -> None:
    result = run({"TALLYSTICK_URL": "http://127.0.0.1:1", **CREDENTIALS}, *arguments)

    assert (result.exit_code, "python -m catalogue bootstrap" in " ".join(result.stderr.split())) == (2, True)


def test_a_key_that_was_never_published_cannot_be_dropped(tmp_path: Path) -> None:
    result = run({"TALLYSTICK_VAR": str(tmp_path)}, "access", "drop-key", "nothing", "--yes")

    assert (result.exit_code, "o key nothing was published" in " ".join(result.stderr.split())) == (2, True)


def test_the_audit_log_is_listed_by_service_and_from_a_number_on(folder: Path) -> None:
    env = {"TALLYSTICK_VAR": str(folder)}
    made = answered(env, *MADE, "--source", SOURCE)

    entries = answered(env, "audit", "list", "--service", "catalogue")["catalogue"]

    assert [each["number"] for each in entries] == list(range(1, len(entries) + 1))
    newest = entries[-1]["record"]
    assert (newest["action"], newest["subject"]) == ("client-made", f"client:{made['client']['id']}")
    assert made["client_secret"] not in json.dumps(entries)
    after = answered(env, "audit", "list", "--service", "catalogue", "--after", str(len(entries) - 1))
    assert after == {"catalogue": entries[-1:]}
    line = run(env, "audit", "list").stdout.splitlines()[-1]
    assert f"client-made  client:{made['client']['id']}  adur" in line
    assert run(env, "audit", "list", "--service", "nothing").exit_code == 2


def test_auditors_alone_are_answered_on_servers(servers: str) -> None:
    env = {"TALLYSTICK_URL": servers, **CREDENTIALS}
    assert run(env, "audit", "list").exit_code == 2  # the operators' client may not

    made = answered(env, "clients", "add", "Audit", "--role", "auditor")
    auditor = {
        "TALLYSTICK_URL": servers,
        "TALLYSTICK_CLIENT_ID": made["client"]["id"],
        "TALLYSTICK_CLIENT_SECRET": made["client_secret"],
    }

    actions = [each["record"]["action"] for each in answered(auditor, "audit", "list")["catalogue"]]
    assert {"client-bootstrapped", "client-made"} <= set(actions)
    found = answered(auditor, "audit", "verify")
    assert {name: each["broken"] for name, each in found.items()} == dict.fromkeys(
        ("catalogue", "sla-monitor", "billing")
    )


def test_verification_names_the_entry_that_was_changed_and_ends_with_one(tmp_path: Path) -> None:
    env = {"TALLYSTICK_VAR": str(tmp_path)}
    for title in ("First", "Second", "Third"):
        answered(env, "clients", "add", title, "--role", "auditor")
    assert run(env, "audit", "verify").exit_code == 0
    with closing(sqlite3.connect(tmp_path / "catalogue.db")) as database, database:
        database.execute("DROP TRIGGER audit_entry_no_UPDATE")
        database.execute("UPDATE audit_entry SET actor = 'nobody' WHERE number = 2")

    result = run(env, "audit", "verify")

    assert result.exit_code == 1
    assert "catalogue: entry 2 is not as it was written" in result.stdout
    assert "billing: 0 entries" in result.stdout
    assert json.loads(run(env, "audit", "verify", "--json").stdout)["catalogue"]["broken"] == 2
