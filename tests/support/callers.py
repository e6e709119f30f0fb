"""Callers of what is under test: known without a token, or by tokens that the tests sign by a key of their own."""

import json
import time
from datetime import datetime
from uuid import uuid4

from catalogue.announcements import key_announcement
from catalogue.signing_keys import changes, read_key
from shared.auth.issued import IssuedAccess
from shared.auth.principal import Kind, Principal
from shared.auth.tokens import issue
from shared.http import Authentication
from shared.log.port import Message
from shared.scope import Scope

# Whoever calls may do and see everything, as on a local stack.
MAY_ALL = Authentication(lambda _: Principal.local("tester"))

# The setting SIGNING_KEY of services under test: the example of RFC 8037, so that it is nobody's secret.
SIGNING_KEY = json.dumps(
    {
        "kty": "OKP",
        "crv": "Ed25519",
        "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    }
)
PROVIDER = ("operator", "finance", "approver", "auditor")


def known_as(*roles: str, councils: tuple[str, ...] | None = None, name: str = "tester") -> Authentication:
    """Every caller is the person `name` with these roles, for those councils or for all."""
    scope = Scope.all() if councils is None else Scope.of(*councils)
    caller = Principal.of(name, "person", roles, scope)
    return Authentication(lambda _: caller)


def token(*roles: str, councils: tuple[str, ...] | None = None, name: str = "tester", kind: Kind = "person") -> str:
    """An access token of services whose SIGNING_KEY is that of the tests; of all the provider's roles unless named."""
    scope = Scope.all() if councils is None else Scope.of(*councils)
    caller = Principal.of(name, kind, roles or PROVIDER, scope)
    return issue(caller, read_key(SIGNING_KEY), audience="tallystick", jti=str(uuid4()), now_s=int(time.time()))


def published_key(at: datetime) -> Message:
    """What a catalogue with the tests' key puts in the log of its changes when it starts."""
    (published,) = changes(IssuedAccess(), read_key(SIGNING_KEY), at)
    announced = key_announcement(published, at)
    return Message(announced.key, announced.value)
