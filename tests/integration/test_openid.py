"""Signing in with a real OpenID provider over HTTP: whoever it names is known, and nothing else is accepted."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from joserfc.jwk import ECKey

from catalogue.adapters.openid import PROVIDER_LEEWAY_S, OpenIdClient, OpenIdProvider
from catalogue.domain.people import Identity
from catalogue.ports import ProviderRefused, ProviderUnreachable, SignInAttempt
from shared.startup_errors import InvalidSettings
from tallystick.demo.openid_provider import CODE_VALID_S, DemoProvider, NotOnLoopback
from tests.support.openid import FINANCE, PEOPLE, RETURN_ADDRESS, ErringProvider, provider_on_loopback

ATTEMPT = SignInAttempt(state="state-1", nonce="nonce-1", verifier="v" * 43, next="/today", iat=0, exp=600)


@pytest.fixture
def provider() -> Iterator[ErringProvider]:
    with provider_on_loopback() as running:
        yield running


def client(provider: DemoProvider, **changed: Any) -> OpenIdProvider:
    known = {
        "issuer": provider.issuer,
        "client_id": provider.client_id,
        "client_secret": provider.client_secret,
        "return_address": RETURN_ADDRESS,
        "roles_claim": "groups",
    }
    return OpenIdProvider(OpenIdClient(**{**known, **changed}), now_s=lambda: int(time.time()))


def browser_answer(provider: DemoProvider, address: str) -> dict[str, str]:
    """What a browser of the finance officer brings back from the provider."""
    with httpx2.Client() as browser:
        browser.get(provider.new_link(FINANCE))
        back = browser.get(address)
    assert back.status_code == 303, back.text
    assert back.headers["Location"].startswith(f"{RETURN_ADDRESS}?")
    return dict(parse_qsl(urlsplit(back.headers["Location"]).query))


def sign_in(provider: DemoProvider, asking: OpenIdProvider) -> Identity:
    return asking.identity(ATTEMPT, browser_answer(provider, asking.authorization_address(ATTEMPT)))


def refusal(provider: DemoProvider, asking: OpenIdProvider) -> str:
    with pytest.raises(ProviderRefused) as refused:
        sign_in(provider, asking)
    return str(refused.value)


def test_the_person_is_who_the_provider_says(provider: ErringProvider) -> None:
    found = sign_in(provider, client(provider))

    assert found == Identity(
        issuer=provider.issuer,
        subject="finance-adur",
        name="Finance officer, Adur",
        claimed=frozenset({"adur-finance"}),
    )


def test_no_claim_is_read_that_the_settings_do_not_name(provider: ErringProvider) -> None:
    assert sign_in(provider, client(provider, roles_claim="")).claimed == frozenset()


def test_the_browser_is_sent_with_state_nonce_and_the_challenge_of_its_verifier(provider: ErringProvider) -> None:
    asked = dict(parse_qsl(urlsplit(client(provider).authorization_address(ATTEMPT)).query))

    assert (asked["state"], asked["nonce"], asked["response_type"]) == ("state-1", "nonce-1", "code")
    assert asked["code_challenge_method"] == "S256"
    assert ATTEMPT.verifier not in asked["code_challenge"]
    assert asked["redirect_uri"] == RETURN_ADDRESS


NOW_S = int(time.time())


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"iss": "https://elsewhere.example"}, "iss"),
        ({"aud": "another-client"}, "aud"),
        ({"aud": ["tallystick-demo", "another"], "azp": "another"}, "azp"),
        ({"aud": ["tallystick-demo", "another"]}, "azp"),
        ({"nonce": "nonce-2"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"sub": ""}, "sub"),
        ({"sub": 5}, "sub"),
        ({"sub": "s" * 256}, "names nobody"),
        ({"exp": NOW_S - 3600}, "expired"),
        ({"iat": NOW_S + 3600}, "in the future"),
        ({"exp": None}, "exp"),
        ({"iat": None}, "iat"),
    ],
)
def test_an_identity_token_that_is_not_exactly_right_is_refused(
    provider: ErringProvider, changed: Mapping[str, object], expected: str
) -> None:
    def claims(right: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in {**right, **changed}.items() if value is not None}

    provider.changed = claims

    assert expected in refusal(provider, client(provider))


@pytest.mark.parametrize("skew_s", [-PROVIDER_LEEWAY_S + 5, PROVIDER_LEEWAY_S - 5])
def test_clocks_may_differ_by_a_minute(provider: ErringProvider, skew_s: int) -> None:
    now_s = int(time.time())
    provider.changed = lambda right: {**right, "iat": now_s + skew_s, "exp": now_s + min(skew_s, 0) + 1}

    assert sign_in(provider, client(provider)).subject == "finance-adur"


def test_an_identity_token_by_a_key_that_the_provider_does_not_publish_is_refused(provider: ErringProvider) -> None:
    asking = client(provider)
    answer = browser_answer(provider, asking.authorization_address(ATTEMPT))
    published, signing = provider._key, ECKey.generate_key("P-256", parameters={"kid": str(provider._key.kid)})
    asking.identity(ATTEMPT, answer)  # its keys are known from here on
    answer = browser_answer(provider, asking.authorization_address(ATTEMPT))
    provider._key = signing

    with pytest.raises(ProviderRefused, match="BadSignature"):
        asking.identity(ATTEMPT, answer)
    assert published.kid == signing.kid


def test_a_key_that_the_provider_has_just_begun_to_sign_by_is_asked_for(
    provider: ErringProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalogue.adapters.openid._ASK_FOR_KEYS_AGAIN_S", 0.0)
    asking = client(provider)
    sign_in(provider, asking)
    provider._key = ECKey.generate_key("P-256", parameters={"kid": "newer"})

    assert sign_in(provider, asking).subject == "finance-adur"


def test_a_code_works_once(provider: ErringProvider) -> None:
    asking = client(provider)
    answer = browser_answer(provider, asking.authorization_address(ATTEMPT))
    asking.identity(ATTEMPT, answer)

    with pytest.raises(ProviderRefused, match="invalid_grant"):
        asking.identity(ATTEMPT, answer)


def test_a_code_is_of_no_use_to_a_browser_without_its_verifier(provider: ErringProvider) -> None:
    asking = client(provider)
    answer = browser_answer(provider, asking.authorization_address(ATTEMPT))
    other = SignInAttempt(state="state-1", nonce="nonce-1", verifier="w" * 43, next="/", iat=0, exp=600)

    with pytest.raises(ProviderRefused, match="invalid_grant"):
        asking.identity(other, answer)


def test_a_code_is_of_no_use_after_a_minute(provider: ErringProvider) -> None:
    asking = client(provider)
    answer = browser_answer(provider, asking.authorization_address(ATTEMPT))
    provider._now_s = lambda: time.time() + CODE_VALID_S + 1

    with pytest.raises(ProviderRefused, match="invalid_grant"):
        asking.identity(ATTEMPT, answer)


def test_a_wrong_secret_is_the_providers_to_refuse(provider: ErringProvider) -> None:
    assert "invalid_client" in refusal(provider, client(provider, client_secret=provider.client_secret[::-1]))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"error": "access_denied", "error_description": "no"}, "access_denied"),
        ({"error": "\n\x00<b>x</b>" * 50}, "the provider answered <b>x</b>"),
        ({"code": "1", "iss": "https://elsewhere.example"}, "from another issuer"),
        ({"state": "state-1"}, "has no code"),
    ],
)
def test_an_answer_without_a_code_of_this_provider_is_refused(
    provider: ErringProvider, answer: Mapping[str, str], expected: str
) -> None:
    with pytest.raises(ProviderRefused) as refused:
        client(provider).identity(ATTEMPT, answer)
    assert expected in str(refused.value)
    assert str(refused.value).isprintable()


def test_a_provider_that_does_not_answer_is_unreachable() -> None:
    with provider_on_loopback() as stopped:
        asking = client(stopped)

    with pytest.raises(ProviderUnreachable):
        asking.authorization_address(ATTEMPT)
    assert asking.sign_out_address() is None


def test_a_provider_whose_configuration_names_another_issuer_is_refused(provider: ErringProvider) -> None:
    with pytest.raises(ProviderRefused, match="names another issuer"):
        client(provider, issuer=f"{provider.issuer}/").authorization_address(ATTEMPT)


@pytest.mark.parametrize("issuer", ["http://login.example", "login.example", "ftp://127.0.0.1", "http://[", ""])
def test_an_issuer_that_anybody_on_the_network_could_stand_in_for_is_refused(issuer: str) -> None:
    with pytest.raises(InvalidSettings, match="https://"):
        OpenIdProvider(OpenIdClient(issuer, "id", "secret", RETURN_ADDRESS), now_s=lambda: 0)


@pytest.mark.parametrize("issuer", ["http://0.0.0.0:80/p", "http://192.0.2.1/p", "https://demo.example/p", "nowhere"])
def test_the_demos_provider_is_on_loopback_or_nowhere(issuer: str) -> None:
    with pytest.raises(NotOnLoopback):
        DemoProvider(issuer, PEOPLE, return_address=RETURN_ADDRESS, continue_at="/")


@pytest.mark.parametrize("used", [lambda link: link, lambda link: f"{link}x", lambda link: link.partition("?")[0]])
def test_a_sign_in_link_works_once_and_only_as_it_was_printed(
    provider: ErringProvider, used: Callable[[str], str]
) -> None:
    link = provider.new_link(FINANCE)
    with httpx2.Client() as first, httpx2.Client() as second:
        assert first.get(link).status_code == 303
        refused = second.get(used(link))

    assert refused.status_code == 403
    assert "This link does not work any more" in refused.text


def test_the_demos_provider_sends_codes_to_its_own_client_alone(provider: ErringProvider) -> None:
    address = client(provider, return_address="http://127.0.0.1:1/elsewhere").authorization_address(ATTEMPT)
    with httpx2.Client() as browser:
        browser.get(provider.new_link(FINANCE))
        refused = browser.get(address)

    assert refused.status_code == 400
    assert "Location" not in refused.headers
