"""Changes that two people make: which kinds of document, what a proposal says of each, and what approving one records.

A tariff prices, an index says how prices may rise, and an agreement says which tariffs, credits and VAT treatments hold
for a council: none changes by one person's word.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec

from catalogue.domain.versions import DEFINITION_TYPES, Catalogue, CatalogueVersion, DefinitionKey, Kind
from shared.auth.principal import Principal
from shared.auth.proposals import ProposalStep
from shared.contracts.codec import canonical_json
from shared.contracts.definitions import Agreement, AnyDefinition
from shared.contracts.proposals import (
    DocumentDifference,
    PartyWords,
    ProposalData,
    ProposalStatus,
    ProposedDefinition,
)
from shared.ids import derived_id
from shared.instants import epoch_us

# A new kind of document that prices something is one more here.
NEEDS_APPROVAL: frozenset[Kind] = frozenset({"index", "tariff", "agreement"})
MAX_WAITING = 200
MAX_BYTES = 512 * 1024
_MAX_DIFFERENCES = 200
_MAX_VALUE = 300
# What tells the members of a list apart, where they have it.
_NAMES = ("id", "name", "service", "number", "period")
_STATUS: dict[ProposalStep, ProposalStatus] = {"approve": "approved", "reject": "rejected", "withdraw": "withdrawn"}


class UnknownProposal(LookupError):
    """There is none of that id, or none that the caller may see."""


class StepNotAllowed(Exception):
    """The caller may not take this step: they proposed it, or it charges councils that they do not act for."""


class ProposalDecided(Exception):
    """It was decided already, or the catalogue has changed since, so that it would record something else."""


class ProposalRefused(Exception):
    """It cannot be proposed; says what to do instead."""


def needs_approval(versions: Sequence[CatalogueVersion]) -> bool:
    """Whether recording these takes two people."""
    return any(version.key.kind in NEEDS_APPROVAL for version in versions)


def is_set_up(stored: Catalogue) -> bool:
    """Whether anything that needs two people was ever recorded: before that, whoever sets up loads the first file."""
    return any(key.kind in NEEDS_APPROVAL for key in stored)


def proposal_of(added: Sequence[CatalogueVersion], stored: Catalogue, party: PartyWords) -> ProposalData:
    """The proposal to record `added`, which nobody has decided about."""
    # Every version: a tariff charges also by an agreement that named it until some day.
    every = [version.definition for versions in (*stored.values(), added) for version in versions]
    agreements = [each for each in every if isinstance(each, Agreement)]
    proposed = tuple(_proposed(version, stored, agreements) for version in added)
    return ProposalData(status="proposed", definitions=proposed, proposed=party)


def proposal_id(proposal: ProposalData) -> str:
    """Another one for each time that something is proposed."""
    documents = "".join(each.definition for each in proposal.definitions)
    party = proposal.proposed
    return f"change-{derived_id('proposal', party.by, epoch_us(party.at), documents).replace('-', '')[:12]}"


def is_same(one: ProposalData, other: ProposalData) -> bool:
    """Whether both would record the same in the same place, and the same side waits for it."""
    return one.status == other.status and one.definitions == other.definitions and one.proposed.by == other.proposed.by


def is_about_the_same(one: ProposalData, other: ProposalData) -> bool:
    """Whether both concern the same councils, document by document."""
    return [each.councils for each in one.definitions] == [each.councils for each in other.definitions]


def decided(proposal: ProposalData, step: ProposalStep, party: PartyWords) -> ProposalData:
    """The proposal after the step."""
    return msgspec.structs.replace(proposal, status=_STATUS[step], decided=party)


def party_words(caller: Principal, words: str, at: datetime) -> PartyWords:
    """What the caller says, for the side that they act for; raises `StepNotAllowed` for one who acts for both."""
    if len(caller.sides) != 1:
        raise StepNotAllowed("expected somebody who acts for one side: sign in")
    (side,) = caller.sides
    return PartyWords(side=side, by=caller.name, at=at, words=words)


def definitions_of(proposal: ProposalData, stored: Catalogue) -> list[AnyDefinition]:
    """The documents to record. Raises `ProposalDecided` where one has another version by now than it would replace."""
    for each in proposal.definitions:
        key = DefinitionKey(_kind(each.kind), each.id)
        newest = len(stored.get(key, ()))
        if newest != each.replaces:
            raise ProposalDecided(
                f"{each.kind} {each.id} has version {newest} by now, and this would replace {each.replaces}: "
                "propose it again"
            )
    return [
        msgspec.json.decode(each.definition, type=DEFINITION_TYPES[_kind(each.kind)]) for each in proposal.definitions
    ]


def differences(before: Any, after: Any) -> Iterator[DocumentDifference]:
    """Each place that differs between two documents as plain values, in the order of the new one; None has nothing."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    for place in dict.fromkeys([*new, *old]):
        if old.get(place) != new.get(place):
            yield DocumentDifference(
                place=" / ".join(place).replace("_gbp", " in £").replace("_", " "),
                before=old.get(place),
                after=new.get(place),
            )


def _proposed(version: CatalogueVersion, stored: Catalogue, agreements: Sequence[Agreement]) -> ProposedDefinition:
    recorded = stored.get(version.key, ())
    before = _plain(recorded[-1].definition) if recorded else None
    found = list(differences(before, _plain(version.definition)))
    return ProposedDefinition(
        kind=version.key.kind,
        id=version.key.id,
        replaces=len(recorded),
        effective_from=version.definition.effective_from,
        councils=_councils(version, agreements),
        definition=canonical_json(version.definition).decode(),
        differences=tuple(found[:_MAX_DIFFERENCES]),
        more=max(0, len(found) - _MAX_DIFFERENCES),
    )


def _councils(version: CatalogueVersion, agreements: Sequence[Agreement]) -> tuple[str, ...] | None:
    if version.key.kind == "tariff":
        return tuple(sorted({each.council for each in agreements if version.key.id in each.tariffs}))
    return None if version.council is None else (version.council,)


def _plain(definition: AnyDefinition) -> Any:
    return json.loads(canonical_json(definition))


def _leaves(value: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    match value:
        case dict() if value:
            for name, inner in value.items():
                yield from _leaves(inner, (*place, name))
        case list() if value:
            for name, inner in zip(_member_names(value), value, strict=True):
                yield from _leaves(inner, (*place, name))
        case None:
            return
        case _:
            yield place, _text(value)


def _member_names(members: Sequence[Any]) -> list[str]:
    """What each is called; by their places where that does not tell them apart."""
    for name in _NAMES:
        found = [str(each[name]) for each in members if isinstance(each, dict) and name in each]
        if len(found) == len(members) == len(set(found)):
            return found
    return [str(number) for number, _ in enumerate(members, start=1)]


def _text(value: Any) -> str:
    match value:
        case bool():
            text = "yes" if value else "no"
        case {} | []:
            text = "none"
        case _:
            text = str(value)
    return text if len(text) <= _MAX_VALUE else f"{text[:_MAX_VALUE]} …"


def _kind(text: str) -> Kind:
    return next(kind for kind in DEFINITION_TYPES if kind == text)
