"""Who signs in to the demo: illustrative people of the example's provider and councils, by the demo's own provider."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from catalogue.settings import SIGNING_KEY_NAME, CatalogueSettings
from catalogue.signing_keys import read_key
from shared.auth.principal import Principal
from shared.auth.tokens import issue
from shared.clock import WallClock
from shared.contracts.definitions import AnyDefinition, Council
from shared.instants import epoch_s
from shared.scope import Scope
from tallystick.demo.openid_provider import DemoPerson, DemoProvider

_PATH = "demo-provider"
# Of the provider: the role, and what the person is called.
_PROVIDER = (
    ("operator", "Provider operator"),
    ("finance", "Provider finance officer"),
    ("approver", "Provider approver"),
    ("auditor", "Auditor"),
)


@dataclass(frozen=True, slots=True)
class DemoSignIn:
    """The demo's provider, and the settings by which the services know it."""

    provider: DemoProvider
    settings: Mapping[str, str]


def demo_sign_in(
    address: str, definitions: Sequence[AnyDefinition], link_used: Callable[[DemoPerson, str], None]
) -> DemoSignIn:
    """For a demo that is opened at `address`, without a slash at its end; `link_used` as `DemoProvider` has it."""
    councils = sorted({each.id: each.name for each in definitions if isinstance(each, Council)}.items())
    people = list(_people(councils))
    provider = DemoProvider(
        f"{address}/{_PATH}",
        {person.id: person for person, _ in people},
        return_address=f"{address}/sign-in/return",
        continue_at="/sign-in/start?next=/",
        link_used=link_used,
    )
    settings = {
        "PUBLIC_URL": address,
        "OIDC_ISSUER": provider.issuer,
        "OIDC_CLIENT_ID": provider.client_id,
        "OIDC_CLIENT_SECRET": provider.client_secret,
        "OIDC_ROLES_CLAIM": "groups",
        "OIDC_ROLES": "\n".join(f"{person.group}: {access}" for person, access in people),
        "ACCESS_CONTACT": "whoever runs the demo",
    }
    return DemoSignIn(provider, settings)


def demo_token(folder: Path, role: str = "operator", *councils: str) -> str:
    """An access token for commands beside the demo that runs on `folder`: whoever reads its key may do all there.

    It is for every council unless some are named. Raises `FileNotFoundError` where no demo has ever run.
    """
    key = read_key((folder / SIGNING_KEY_NAME).read_text(encoding="utf-8"))
    scope = Scope.of(*councils) if councils else Scope.all()
    caller = Principal.of(f"tallystick-demo-{role}", "machine", [role], scope)
    audience = CatalogueSettings(TALLYSTICK_VAR=folder).audience
    return issue(caller, key, audience=audience, jti=str(uuid4()), now_s=epoch_s(WallClock().now()))


def link_lines(links: Mapping[str, str]) -> Iterator[str]:
    """The links as the terminal shows them."""
    yield "Sign in as one of these; each link works once:"
    width = max(map(len, links))
    for title, link in links.items():
        yield f"  {title.ljust(width)}  {link}"


def _people(councils: Sequence[tuple[str, str]]) -> Iterator[tuple[DemoPerson, str]]:
    """Each person with the access that their group means."""
    for role, title in _PROVIDER:
        yield DemoPerson(role, title, f"provider-{role}"), role
    for id_, name in councils:
        group = f"council-{id_}"
        yield DemoPerson(f"finance-{id_}", f"Finance officer, {name}", group), f"council-finance {id_}"
