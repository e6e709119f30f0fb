"""Signing in put together from the settings: the provider, the services behind it, and its pages."""

import time
from collections.abc import Callable, Sequence

from fastapi import APIRouter
from sqlalchemy import Engine

from catalogue import people_api
from catalogue.adapters.openid import OpenIdClient, OpenIdProvider
from catalogue.adapters.people_sql import SqlPeopleStore
from catalogue.domain.people import ClaimedAccess, InvalidClaimMapping
from catalogue.pages.sign_in import SignInPages
from catalogue.pages.sign_in import router as sign_in_router
from catalogue.people import CookieSigner, PeopleService, SignInService
from catalogue.settings import CatalogueSettings
from catalogue.signing_keys import SigningKeys
from shared.auth.issued import IssuedAccess
from shared.auth.sessions import SessionLimits
from shared.clock import Clock
from shared.http.audited import AuditWriter
from shared.http.browsers import SessionCookies
from shared.http.rates import AttemptLimit, trusted_networks
from shared.startup_errors import InvalidSettings

# From one address, behind which there may be a whole council: a page that is opened without a session takes two.
_MOST_ATTEMPTS, ATTEMPTS_IN_S = 300, 600


class SignIn:
    """People and how they sign in; `sign_ins` is None where no provider is set. Raises `InvalidSettings`."""

    def __init__(
        self, settings: CatalogueSettings, *, engine: Engine, keys: SigningKeys, issued: IssuedAccess, clock: Clock
    ) -> None:
        store = SqlPeopleStore(engine)
        self.people = PeopleService(store, clock)
        self._settings = settings
        self._limits = SessionLimits(idle_s=settings.session_idle_s, absolute_s=settings.session_absolute_s)
        self._cookies = SessionCookies(issued, clock, audience=settings.audience, secure=settings.is_secure)
        trusted = trusted_networks(settings.trusted_proxies)
        self._attempts = AttemptLimit(
            "sign-in", most=_MOST_ATTEMPTS, every_s=ATTEMPTS_IN_S, storage=settings.limits_url, trusted=trusted
        )
        provider = _provider(settings)
        signer = CookieSigner(keys.current, lambda: issued.keys(clock.now()), settings.audience)
        mapping, limits = _mapping(settings), self._limits
        self.sign_ins = (
            None if provider is None else SignInService(store, provider, signer, clock, mapping=mapping, limits=limits)
        )

    def pages(self, councils: Callable[[Sequence[str]], Sequence[str]], audit: AuditWriter) -> APIRouter:
        """The pages; `councils` gives the names of those with these ids, and `audit` says whether all is recorded."""
        return sign_in_router(
            SignInPages(
                sign_ins=self.sign_ins,
                people=self.people,
                cookies=self._cookies,
                attempts=self._attempts,
                limits=self._limits,
                councils=councils,
                contact=self._settings.access_contact,
                audit=audit,
            )
        )

    def router(self) -> APIRouter:
        """The API by which operators let people in."""
        return people_api.router(self.people, issuer=self._settings.oidc_issuer)


def _provider(settings: CatalogueSettings) -> OpenIdProvider | None:
    if not settings.oidc_issuer:
        return None
    missing = [
        name
        for name, value in (("OIDC_CLIENT_ID", settings.oidc_client_id), ("PUBLIC_URL", settings.public_url))
        if not value
    ]
    if missing:
        raise InvalidSettings(f"OIDC_ISSUER is set, but not {' and '.join(missing)} (docs/access.md)")
    client = OpenIdClient(
        settings.oidc_issuer,
        settings.oidc_client_id,
        settings.oidc_client_secret,
        f"{settings.public_url}/sign-in/return",
        settings.oidc_roles_claim,
    )
    return OpenIdProvider(client, now_s=lambda: int(time.time()))


def _mapping(settings: CatalogueSettings) -> ClaimedAccess:
    if bool(settings.oidc_roles) != bool(settings.oidc_roles_claim):
        raise InvalidSettings("set both OIDC_ROLES_CLAIM and OIDC_ROLES, or neither (docs/access.md)")
    try:
        return ClaimedAccess.read(settings.oidc_roles)
    except InvalidClaimMapping as fault:
        raise InvalidSettings(f"OIDC_ROLES: {fault}") from fault
