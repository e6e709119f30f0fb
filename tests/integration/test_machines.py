"""Client credentials, the tokens that they give, and how soon every service knows that they are void."""

import base64
import logging
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey
from structlog.testing import capture_logs

from shared.auth.tokens import issue
from shared.instants import epoch_s
from shared.scope import Scope
from tests.support.machines import KNOWN, Machines, MovableClock, answered, machines

pytestmark = pytest.mark.anyio
FORM = {"grant_type": "client_credentials"}
VIEWER = {"roles": ["council-viewer"], "councils": ["adur"], "title": "Reports"}


@pytest.fixture(name="clock", scope="module")
def _clock() -> MovableClock:
    return MovableClock()


@pytest.fixture(name="on", scope="module")
async def _on(
    tmp_path_factory: pytest.TempPathFactory, clock: MovableClock, anyio_backend: str
) -> AsyncIterator[Machines]:
    async with machines(tmp_path_factory.mktemp("machines"), clock=clock) as running:
        yield running


@pytest.fixture(autouse=True)
def _on_time(clock: MovableClock) -> None:
    clock.ahead = timedelta()


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


async def statuses(on: Machines, token: str) -> set[int]:
    """How each service answers the token."""
    return {(await on.call(name, "GET", path, token)).status_code for name, path in KNOWN.items()}


async def test_a_token_is_accepted_by_every_service(on: Machines) -> None:
    token = await on.token(await on.make("auditor"))

    assert await statuses(on, token) == {200}


async def test_credentials_are_taken_from_the_header_or_from_the_body_but_not_from_both(on: Machines) -> None:
    id_, secret = await on.make("auditor")
    in_body = FORM | {"client_id": id_, "client_secret": secret}

    header = await on.catalogue.post("/v1/token", data=FORM, auth=(id_, secret))
    body = await on.catalogue.post("/v1/token", data=in_body)
    both = await on.catalogue.post("/v1/token", data=in_body, auth=(id_, secret))

    assert [header.status_code, body.status_code, both.status_code] == [200, 200, 400]
    assert both.json()["error"] == "invalid_request"
    assert header.headers["cache-control"] == "no-store"
    assert (header.json()["token_type"], header.json()["expires_in"]) == ("Bearer", 300)


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        (FORM | {"scope": "operator"}, 400, "invalid_scope"),
        (FORM, 401, "invalid_client"),
        (FORM | {"client_id": "tsc_0123456789abcdef"}, 401, "invalid_client"),
        (FORM | {"client_id": "tsc_0123456789abcdef", "client_secret": "no"}, 401, "invalid_client"),
        (FORM | {"client_id": "x" * 5_000}, 413, None),
    ],
    ids=["no grant", "another grant", "a scope", "nobody", "no secret", "an unknown client", "too long"],
)
async def test_what_is_wrong_with_a_request_for_a_token_is_said_in_the_words_of_oauth(
    on: Machines, form: dict[str, str], status: int, error: str | None
) -> None:
    answer = await on.catalogue.post("/v1/token", data=form)

    assert (answer.status_code, answer.json().get("error")) == (status, error)


@pytest.mark.parametrize(
    ("content", "type_"),
    [(b"grant_type=client_credentials&grant_type=x", "application/x-www-form-urlencoded"), (b"{}", "application/json")],
)
async def test_a_body_that_is_no_form_is_refused(on: Machines, content: bytes, type_: str) -> None:
    answer = await on.catalogue.post("/v1/token", content=content, headers={"Content-Type": type_})

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_a_wrong_secret_is_answered_as_an_unknown_client_and_says_how_to_prove_oneself(on: Machines) -> None:
    id_, _ = await on.make("auditor")

    wrong = await on.catalogue.post("/v1/token", data=FORM, auth=(id_, "tss_" + "x" * 43))
    unknown = await on.catalogue.post("/v1/token", data=FORM, auth=("tsc_0123456789abcdef", "tss_" + "x" * 43))

    assert (wrong.status_code, wrong.content) == (unknown.status_code, unknown.content)
    assert wrong.headers["www-authenticate"].startswith("Basic")


async def test_attempts_of_one_client_are_limited_and_the_answer_says_when_to_come_back(on: Machines) -> None:
    attempts = [await on.catalogue.post("/v1/token", data=FORM, auth=("tsc_guessed", "no")) for _ in range(62)]

    assert attempts[0].status_code == 401
    assert attempts[-1].status_code == 429
    assert int(attempts[-1].headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer x", "Bearer a.b.c", "Basic eDp5", "bearer " + "x" * 9_000, "tss_secret"],
    ids=["nothing", "no token", "three parts", "basic", "very long", "no scheme"],
)
async def test_what_is_no_token_is_refused_by_every_service(on: Machines, header: str) -> None:
    for name, path in KNOWN.items():
        answer = await on.services[name].get(path, headers={"Authorization": header})

        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Bearer realm="tallystick", error="invalid_token"'
        assert answer.headers["content-type"] == "application/problem+json"


async def test_without_a_credential_every_service_asks_for_one_before_it_looks_at_the_request(on: Machines) -> None:
    for name, path in KNOWN.items():
        answer = await on.services[name].get(f"{path}{'&' if '?' in path else '?'}unknown=1")

        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Bearer realm="tallystick"'


async def test_two_authorization_headers_are_refused(on: Machines) -> None:
    token = await on.operator_token()
    headers = [("Authorization", f"Bearer {token}"), ("Authorization", "Bearer x")]

    assert (await on.catalogue.get("/v1/councils", headers=headers)).status_code == 400


async def test_a_token_expires_and_one_for_another_installation_is_refused(on: Machines, clock: MovableClock) -> None:
    key, principal = on.stack.catalogue.keys.current(), on.stack.catalogue.clients.authenticate(*on.operator)
    now_s = epoch_s(clock.now())
    other = issue(principal, key, audience="another", jti="1", now_s=now_s)
    own = await on.token(on.operator)

    before = await statuses(on, own), await statuses(on, other)
    clock.ahead = timedelta(seconds=300 + 30 + 2)
    after = await statuses(on, own)

    assert (before, after) == (({200}, {401}), {401})


async def test_a_token_of_another_key_or_without_a_signature_is_refused(on: Machines, clock: MovableClock) -> None:
    principal, now_s = on.stack.catalogue.clients.authenticate(*on.operator), epoch_s(clock.now())
    other = OKPKey.generate_key("Ed25519", {"kid": str(on.stack.catalogue.keys.key.kid)})
    forged = issue(principal, other, audience="tallystick", jti="1", now_s=now_s)
    _, claims, _ = (await on.operator_token()).split(".")
    head = base64.urlsafe_b64encode(b'{"alg":"none","typ":"at+jwt"}').decode().rstrip("=")

    assert await statuses(on, forged) == {401}
    assert await statuses(on, f"{head}.{claims}.") == {401}


async def test_anybody_can_verify_a_token_by_the_published_keys(on: Machines) -> None:
    token = await on.operator_token()
    answer = await on.catalogue.get("/.well-known/jwks.json")

    decoded = jwt.decode(token, KeySet.import_key_set(answer.json()), algorithms=["Ed25519"])

    assert decoded.claims["sub"] == on.operator[0]
    assert answer.headers["cache-control"] == "public, max-age=60"
    assert "d" not in answer.json()["keys"][0]


async def test_a_revoked_client_is_refused_everywhere_within_five_seconds(on: Machines, clock: MovableClock) -> None:
    client = await on.make("auditor")
    token = await on.token(client)
    assert await statuses(on, token) == {200}

    revoked = await on.call("catalogue", "DELETE", f"/v1/clients/{client[0]}", await on.operator_token())
    asked_at = clock.now()

    async def is_void() -> bool:
        return await statuses(on, token) == {401}

    assert revoked.json()["revoked_at"] is not None
    await answered(is_void)
    assert clock.now() - asked_at < timedelta(seconds=5)
    again = await on.catalogue.post("/v1/token", data=FORM, auth=client)
    assert again.json()["error"] == "invalid_client"


async def test_a_secret_is_changed_without_an_interruption(on: Machines, clock: MovableClock) -> None:
    id_, first = await on.make("auditor")
    operator = await on.operator_token()

    made = await on.call("catalogue", "POST", f"/v1/clients/{id_}/secrets", operator, json={})
    second = made.json()["client_secret"]
    third = await on.call("catalogue", "POST", f"/v1/clients/{id_}/secrets", operator, json={})
    both = [await on.token((id_, secret)) for secret in (first, second)]
    await on.call("catalogue", "DELETE", f"/v1/clients/{id_}/secrets/older", operator)

    assert third.status_code == 422
    assert len(both) == 2
    answer = await on.catalogue.post("/v1/token", data=FORM, auth=(id_, first))
    assert answer.json()["error"] == "invalid_client"

    async def holds() -> bool:  # tokens of the second in which the older was taken back are void too
        clock.ahead += timedelta(seconds=1)
        return await statuses(on, await on.token((id_, second))) == {200}

    await answered(holds)


async def test_a_request_that_is_sent_again_makes_no_second_client_and_shows_no_secret(on: Machines) -> None:
    operator, key = await on.operator_token(), {"Idempotency-Key": "made-once"}

    first = await on.call("catalogue", "POST", "/v1/clients", operator, json=VIEWER, headers=key)
    again = await on.call("catalogue", "POST", "/v1/clients", operator, json=VIEWER, headers=key)
    other = await on.call("catalogue", "POST", "/v1/clients", operator, json=VIEWER | {"title": "X"}, headers=key)

    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 422)
    assert again.json() == {"client": first.json()["client"], "client_secret": None}


async def test_no_list_shows_a_secret_or_its_hash(on: Machines) -> None:
    id_, secret = await on.make("auditor")

    listed = await on.call("catalogue", "GET", "/v1/clients", await on.operator_token())

    shown = next(each for each in listed.json()["items"] if each["id"] == id_)
    assert secret not in listed.text
    assert shown["secrets"][0].keys() == {"made_at", "expires_at"}


@pytest.mark.parametrize(
    "body",
    [
        VIEWER | {"roles": ["operator"]},
        VIEWER | {"roles": ["council-finance"]},
        VIEWER | {"roles": ["approver"], "councils": None},
        VIEWER | {"roles": ["council-viewer", "auditor"]},
        VIEWER | {"roles": ["emperor"]},
        VIEWER | {"roles": ["integrator"]},
        VIEWER | {"councils": ["*"]},
        VIEWER | {"councils": []},
        VIEWER | {"councils": "adur"},
        VIEWER | {"valid_days": 367},
        VIEWER | {"is_admin": True},
    ],
    ids=str,
)
async def test_a_client_that_nobody_may_have_is_refused(on: Machines, body: dict[str, object]) -> None:
    answer = await on.call("catalogue", "POST", "/v1/clients", await on.operator_token(), json=body)

    assert answer.status_code == 422


async def test_a_client_may_do_what_its_roles_allow_and_nothing_else(on: Machines) -> None:
    viewer = await on.token(await on.make("council-viewer", councils=["adur"]))
    tariffs = await on.call("catalogue", "GET", "/v1/tariffs", viewer)
    clients = await on.call("catalogue", "GET", "/v1/clients", viewer)

    assert (tariffs.status_code, clients.status_code) == (200, 403)
    assert clients.json()["detail"] == "you may not manage client credentials"


async def test_no_secret_and_no_token_is_in_a_log_or_the_audit_log(
    on: Machines, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Sent as they should be, where they should not be, wrong, and on the way to a failure."""
    caplog.set_level(logging.DEBUG)
    with capture_logs() as logged:
        client = await on.make(**VIEWER)
        token = await on.token(client)
        wrong = client[1][:-4] + "zzzz"
        await statuses(on, token)
        await statuses(on, token[:-6] + "AAAAAA")
        await on.catalogue.post("/v1/token", data=FORM, auth=(client[0], wrong))
        await on.catalogue.post("/v1/token", data=FORM | {"client_id": client[1], "client_secret": client[1]})
        for service in on.services:
            await on.call(service, "GET", f"/v1/nothing?access_token={token}", token)
            await on.call(service, "GET", "/v1/statements?month=2026-03", token, headers={"Cookie": f"session={token}"})
        monkeypatch.setattr(on.stack.billing.statements, "statements", _fail)
        failed = await on.call("billing", "GET", "/v1/statements?month=2026-03", token)

    assert failed.status_code == 500
    audited = [entry.record for entry in on.stack.catalogue.audit.read(Scope.all(), after=0, limit=500)]
    # The test's own client logs what it asks.
    lines = [record.getMessage() for record in caplog.records if not record.name.startswith("http")]
    written = f"{logged} {lines} {audited}"
    assert "http.failed" in written
    assert not [secret for secret in (client[1], wrong, token, token.split(".")[2]) if secret in written]


def _fail(*_: object, **__: object) -> None:
    raise RuntimeError("made to fail")
