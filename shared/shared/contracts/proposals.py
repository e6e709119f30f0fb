"""Changes of the catalogue that need two people: what was proposed, what it changes, and what became of it.

On the topic of the catalogue's changes, compacted by proposal: its newest event has everything that both sides party.
"""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, Struct

from shared.contracts.access import PrincipalName
from shared.contracts.decisions import Side
from shared.contracts.envelope import Event, EventData
from shared.contracts.scalars import Id, Instant

MAX_WORDS = 500
ProposalStatus = Literal["proposed", "approved", "rejected", "withdrawn"]
Words = Annotated[str, Meta(max_length=MAX_WORDS, description="what that side said about it")]


class DocumentDifference(Struct, frozen=True, kw_only=True):
    """A place of a document that changes: `before` is null where it is added, `after` where it is taken out."""

    place: str
    before: str | None
    after: str | None


class ProposedDefinition(Struct, frozen=True, kw_only=True):
    """A document as it would be from a day on, and its differences from version `replaces`, 0 where it is a new one.

    `councils` are those that it is about or charges: null for what all share, none where nobody has agreed to it.
    `definition` is canonical JSON. `more` differences are not listed.
    """

    kind: Id
    id: Id
    replaces: Annotated[int, Meta(ge=0)]
    effective_from: date
    councils: tuple[Id, ...] | None
    definition: str
    differences: tuple[DocumentDifference, ...]
    more: Annotated[int, Meta(ge=0)] = 0


class PartyWords(Struct, frozen=True, kw_only=True):
    """Who proposed or decided, for which side, when, and in which words. `by` is a name in tokens."""

    side: Side
    by: PrincipalName
    at: Instant
    words: Words


class ProposalData(EventData, frozen=True, kw_only=True):
    """All that is known of a proposal. Its documents are recorded together once it is approved."""

    status: ProposalStatus
    definitions: Annotated[tuple[ProposedDefinition, ...], Meta(min_length=1)]
    proposed: PartyWords
    decided: PartyWords | None = None


class ProposalUpdated(Event, frozen=True, kw_only=True, tag="tallystick.catalogue.proposal-updated.v1"):
    """A change of prices or terms was proposed, approved, rejected or withdrawn."""

    subject: Annotated[Id, Meta(description="the proposal's id")]
    data: ProposalData
