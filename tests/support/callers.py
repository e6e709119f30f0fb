"""Callers of an application under test, known without a token: what they may do is the test's to say."""

import json

from joserfc.jwk import OKPKey

from shared.auth.principal import Principal
from shared.http import Authentication
from shared.scope import Scope

# Whoever calls may do and see everything, as on a local stack.
MAY_ALL = Authentication(lambda _: Principal.local("tester"))

# The setting SIGNING_KEY of a catalogue on servers, of this run of the tests alone.
SIGNING_KEY = json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=True))


def known_as(*roles: str, councils: tuple[str, ...] | None = None, name: str = "tester") -> Authentication:
    """Every caller is the person `name` with these roles, for those councils or for all."""
    scope = Scope.all() if councils is None else Scope.of(*councils)
    caller = Principal.of(name, "person", roles, scope)
    return Authentication(lambda _: caller)
