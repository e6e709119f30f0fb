"""Who calls: a required argument of every handler, made only by authentication."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from shared.auth.roles import ROLES, Action, Role, Side
from shared.contracts.scalars import ID_PATTERN
from shared.scope import Scope

Kind = Literal["person", "machine", "local"]


class InvalidPrincipal(ValueError):
    """Roles that nobody can hold together, or not for these councils."""


class ActionNotAllowed(Exception):
    """The caller may not do this. Says what was refused, never about whose data."""

    def __init__(self, principal: "Principal", action: Action) -> None:
        super().__init__(f"{principal.name} may not {action.value}")
        self.principal, self.action = principal, action


@dataclass(frozen=True, slots=True)
class Principal:
    """A signed-in person, a machine with credentials, or whoever runs the command on a local stack.

    `name`, an id, identifies it for ever, in every decision and in the audit log. `scope` are the councils that it may
    see. `sources` are the event sources in whose name an integrator may send; empty for anybody else.
    """

    name: str
    kind: Kind
    roles: frozenset[str]
    scope: Scope
    sources: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls, name: str, kind: Kind, roles: Iterable[str], scope: Scope, *, sources: Iterable[str] = ()
    ) -> "Principal":
        """The principal with these roles. Raises `InvalidPrincipal` where they are unknown or do not go together,
        and where the name is no id."""
        if not re.match(ID_PATTERN, name):
            raise InvalidPrincipal("expected a name by which decisions can record it: 1 to 64 of A-Z a-z 0-9 _ . -")
        held = frozenset(roles)
        if unknown := sorted(held - ROLES.keys()):
            raise InvalidPrincipal(f"unknown role: {', '.join(unknown)}")
        sides = {ROLES[role].side for role in held}
        if len(sides) > 1 and kind != "local":
            raise InvalidPrincipal("roles of the provider and of a council cannot be held together")
        if sides == {"council"} and scope.councils is None:
            raise InvalidPrincipal("a council's role needs the councils for which it is held")
        if bool(named := frozenset(sources)) != ("integrator" in held) and kind != "local":
            raise InvalidPrincipal("sources are an integrator's, who needs at least one")
        return cls(name, kind, held, scope, named)

    @classmethod
    def local(cls, login_name: str) -> "Principal":
        """Whoever runs the command on a local stack: everything, for the files are theirs to read and change."""
        return cls.of(login_name, "local", ROLES, Scope.all())

    @property
    def sides(self) -> frozenset[Side]:
        """For whom it acts; without any role, for nobody."""
        return frozenset(role.side for role in self._roles)

    def may(self, action: Action) -> bool:
        """Whether one of its roles allows the action at all; on what is a matter of its scope."""
        return any(action in role.actions for role in self._roles)

    def require(self, action: Action) -> None:
        """Raises `ActionNotAllowed` where no role of its allows the action."""
        if not self.may(action):
            raise ActionNotAllowed(self, action)

    @property
    def _roles(self) -> tuple[Role, ...]:
        return tuple(ROLES[name] for name in self.roles)
