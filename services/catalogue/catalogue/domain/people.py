"""People who may sign in: who they are to the OpenID provider, and what they may do here.

A person is an issuer and a subject there, for ever; a name or an e-mail address is for display alone. What somebody may
do is given by an operator, or follows from a claim of the provider's as `ClaimedAccess` maps it. What an operator gave
or took away counts for more than the claim.
"""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

import msgspec

from shared.auth.principal import InvalidPrincipal, Principal
from shared.auth.roles import ROLES, Action
from shared.auth.sessions import MAX_NAME_LENGTH
from shared.contracts.codec import canonical_json
from shared.scope import Scope

PERSON_PREFIX = "tsp_"
# So that the cookie, which names them, stays within what browsers keep.
MAX_NAMED_CHARACTERS = 1_800

Origin = Literal["given", "claimed"]


class RefusedPerson(Exception):
    """The person cannot have this access; says what to change."""


class UnknownPerson(Exception):
    """Nobody gave this person access, no claim does, or it was taken away.

    Its text is their subject at the provider, where that is known.
    """


class InvalidClaimMapping(ValueError):
    """A line of the mapping from claims to roles cannot be read; says which."""


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody may do: roles, and the councils for which; None for every council. Sources are an integrator's."""

    roles: tuple[str, ...]
    councils: tuple[str, ...] | None
    sources: tuple[str, ...] = ()

    def principal(self, name: str) -> Principal:
        """A person of that name who has this access; raises `RefusedPerson` where nobody can have it."""
        if sum(map(len, (*(self.councils or ()), *self.sources))) > MAX_NAMED_CHARACTERS:
            raise RefusedPerson("it names too many councils or sources: give fewer, or a role for every council")
        if not self.roles:
            raise RefusedPerson("it needs a role at least")
        if self.councils == ():
            raise RefusedPerson("it needs a council at least")
        try:
            scope = Scope.all() if self.councils is None else Scope.of(*self.councils)
            return Principal.of(name, "person", self.roles, scope, sources=self.sources)
        except InvalidPrincipal as fault:
            raise RefusedPerson(str(fault)) from None


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may sign in, or might until `removed`.

    Whatever was issued to them in the second `void_s` (since 1970) or before is void.
    """

    id: str
    issuer: str
    subject: str
    name: str
    access: Access
    origin: Origin
    changed_by: str
    void_s: int = 0
    removed: bool = False

    @property
    def principal(self) -> Principal:
        """Who calls when they have signed in; raises `RefusedPerson`."""
        return self.access.principal(self.id)


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who the provider says has signed in. `claimed` are the values of the claim that maps to roles."""

    issuer: str
    subject: str
    name: str = ""
    claimed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ClaimedAccess:
    """Which access each value of the provider's claim means."""

    meanings: Mapping[str, Access]

    @classmethod
    def read(cls, text: str) -> "ClaimedAccess":
        """From lines `VALUE: ROLE [COUNCIL ...]`; without a council, for every council. Raises `InvalidClaimMapping`.

        Empty lines, and those that begin with #, mean nothing.
        """
        meanings: dict[str, Access] = {}
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            value, colon, meaning = line.rpartition(":")
            match meaning.split():
                case [role, *councils] if colon and value.strip() and value.strip() not in meanings:
                    access = Access(roles=(role,), councils=tuple(councils) or None)
                case _:
                    raise InvalidClaimMapping(f"line {number}: expected `VALUE: ROLE [COUNCIL ...]`, each value once")
            try:
                access.principal("anybody")
            except RefusedPerson as fault:
                raise InvalidClaimMapping(f"line {number}: {fault}") from None
            meanings[value.strip()] = access
        return cls(meanings)

    def of(self, values: Iterable[str]) -> Access | None:
        """The access that all of the values mean together; None where they mean none."""
        found = [self.meanings[value] for value in sorted(values) if value in self.meanings]
        if not found:
            return None
        councils: set[str] | None = set()
        for each in found:
            councils = None if councils is None or each.councils is None else councils | set(each.councils)
        roles = {role for each in found for role in each.roles}
        return Access(roles=tuple(sorted(roles)), councils=None if councils is None else tuple(sorted(councils)))


def person_id(issuer: str, subject: str) -> str:
    """Their id here: the same whenever it is made, and it does not reveal who they are to the provider."""
    digest = sha256(canonical_json([issuer, subject])).digest()[:15]
    return PERSON_PREFIX + base64.urlsafe_b64encode(digest).decode()


def given(known: Person | None, identity: Identity, access: Access, *, by: Principal, id_: str | None = None) -> Person:
    """The person with the access that `by` gives. Raises `RefusedPerson`, and `ActionNotAllowed`.

    Nobody changes their own access, nor gives more than they see.
    """
    name = known.id if known else id_ or person_id(identity.issuer, identity.subject)
    if id_ not in {None, name}:
        raise RefusedPerson(f"they are recorded as {name} for ever")
    require_may_change(by, name)
    wanted = access.principal(name)
    if not _covers(by.scope, wanted.scope):
        raise RefusedPerson("nobody gives access to more councils than they see")
    if by.scope.councils is not None and (id_ is not None or (known is not None and not is_seen(known, by.scope))):
        raise RefusedPerson("somebody who sees every council has to: for a chosen id, or access to others")
    return Person(
        id=name,
        issuer=identity.issuer,
        subject=identity.subject,
        name=identity.name[:MAX_NAME_LENGTH] or (known.name if known else ""),
        access=access,
        origin="given",
        changed_by=by.name,
        void_s=known.void_s if known else 0,
    )


def is_seen(person: Person, scope: Scope) -> bool:
    """Whether whoever may see `scope` learns of the person: of one with access to other councils they do not."""
    councils = person.access.councils
    return _covers(scope, Scope.all() if councils is None else Scope.of(*councils))


def require_may_change(by: Principal, id_: str) -> None:
    """Raises `ActionNotAllowed` unless `by` manages access, `RefusedPerson` where it is their own."""
    by.require(Action.MANAGE_ACCESS)
    if by.name == id_:
        raise RefusedPerson("nobody changes their own access: ask another operator")


def signed_in(known: Person | None, identity: Identity, mapping: ClaimedAccess) -> Person:
    """Who has signed in, with the access that they have now; raises `UnknownPerson`."""
    id_ = known.id if known else person_id(identity.issuer, identity.subject)
    if known is not None and (known.removed or known.origin == "given"):
        if known.removed:
            raise UnknownPerson(identity.subject)
        return known if known.name else msgspec.structs.replace(known, name=identity.name[:MAX_NAME_LENGTH])
    access = mapping.of(identity.claimed)
    if access is None:
        raise UnknownPerson(identity.subject)
    try:
        access.principal(id_)
    except RefusedPerson:
        raise UnknownPerson(identity.subject) from None
    return Person(
        id=id_,
        issuer=identity.issuer,
        subject=identity.subject,
        name=identity.name[:MAX_NAME_LENGTH],
        access=access,
        origin="claimed",
        changed_by=id_,
        void_s=known.void_s if known else 0,
    )


def role_titles(access: Access) -> tuple[str, ...]:
    """The roles as people call them."""
    return tuple(ROLES[role].title for role in access.roles)


def _covers(larger: Scope, smaller: Scope) -> bool:
    if larger.councils is None:
        return True
    return smaller.councils is not None and smaller.councils <= larger.councils
