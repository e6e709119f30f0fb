"""What two people do: one proposes a change of prices or terms, another approves it, and then it is recorded.

Each step is one transaction with the versions that it records, its entries of the audit log and its event.
"""

from collections.abc import Sequence
from datetime import datetime

from catalogue.announcements import announcement, proposal_update
from catalogue.domain import proposals
from catalogue.domain.proposals import (
    MAX_BYTES,
    MAX_WAITING,
    ProposalDecided,
    ProposalRefused,
    StepNotAllowed,
    UnknownProposal,
)
from catalogue.domain.submission import Submission, SubmittedDefinition
from catalogue.domain.versions import CatalogueVersion, key_of
from catalogue.handlers import ExpectedVersions, checked_versions, require_expected
from catalogue.ports import StoredProposal, VersionStore, VersionTransaction
from shared.audit import AuditRecord
from shared.auth.principal import Principal
from shared.auth.proposals import ProposalStep, seen, steps
from shared.contracts.codec import canonical_json
from shared.contracts.definitions import AnyDefinition
from shared.contracts.proposals import PartyWords, ProposalData
from shared.holidays import BankHolidays
from shared.instants import epoch_us
from shared.scope import Scope


class ProposalHandlers:
    """The use cases. Blocking: to be called from worker threads."""

    def __init__(self, versions: VersionStore, holidays: BankHolidays) -> None:
        self._versions, self._holidays = versions, holidays

    def listing(self, scope: Scope) -> list[StoredProposal]:
        """Those that are about councils in scope, the newest first, with the documents that it may see."""
        found = (_in_scope(each, scope) for each in self._versions.proposals())
        return [each for each in found if each is not None]

    def one(self, id_: str, scope: Scope) -> StoredProposal:
        """The proposal of that id, as `listing` has it; raises `UnknownProposal`."""
        found = next((each for each in self.listing(scope) if each.id == id_), None)
        if found is None:
            raise UnknownProposal(id_)
        return found

    def replace(
        self, definition: AnyDefinition, *, expected: ExpectedVersions | None, party: PartyWords
    ) -> StoredProposal | CatalogueVersion:
        """The proposal to record `definition`, or the newest version where that equals it.

        Raises as `CatalogueHandlers.replace`, and `ProposalRefused`.
        """
        with self._versions.recording() as recording:
            versions = recording.catalogue().get(key_of(definition), ())
            require_expected(versions, expected)
            found = self._propose(recording, Submission([SubmittedDefinition(definition)]), party)
        return found or versions[-1]

    def load(self, submission: Submission, *, party: PartyWords) -> StoredProposal | None:
        """The proposal to record all that differs from the newest versions; None where nothing does.

        Raises `InvalidSubmission` and `ProposalRefused`.
        """
        with self._versions.recording() as recording:
            return self._propose(recording, submission, party)

    def is_needed(self, submission: Submission, *, at: datetime) -> bool:
        """Whether recording the submission takes two people; the first file that sets up a catalogue does not.

        Raises `InvalidSubmission`.
        """
        stored, _ = self._versions.recorded()
        added = checked_versions(submission, stored, self._holidays, at)
        return proposals.is_set_up(stored) and proposals.needs_approval(added)

    def decide(self, caller: Principal, id_: str, step: ProposalStep, *, words: str, at: datetime) -> StoredProposal:
        """The proposal is approved, and recorded; or rejected, or withdrawn.

        Raises `UnknownProposal`, `StepNotAllowed`, `ProposalDecided` and `InvalidSubmission`.
        """
        with self._versions.recording() as recording:
            found = recording.proposal(id_)
            if found is None or seen(found.data, caller.scope) is None:
                raise UnknownProposal(id_)
            _require_step(found.data, caller, step)
            party = proposals.party_words(caller, words, at)
            if step == "approve":
                self._record(recording, found, party)
            decided = StoredProposal(id_, proposals.decided(found.data, step, party))
            _save(recording, decided, party, f"change-{decided.data.status}")
        return self.one(id_, caller.scope)

    def _propose(
        self, recording: VersionTransaction, submission: Submission, party: PartyWords
    ) -> StoredProposal | None:
        stored = recording.catalogue()
        added = checked_versions(submission, stored, self._holidays, party.at)
        if not added:
            return None
        data = proposals.proposal_of(added, stored, party)
        waiting = recording.waiting_proposals()
        if same := next((each for each in waiting if proposals.is_same(each.data, data)), None):
            return same
        _require_fits(waiting, data)
        proposal = StoredProposal(proposals.proposal_id(data), data)
        _save(recording, proposal, party, "change-proposed")
        return proposal

    def _record(self, recording: VersionTransaction, proposal: StoredProposal, party: PartyWords) -> None:
        stored = recording.catalogue()
        definitions = proposals.definitions_of(proposal.data, stored)
        submission = Submission([SubmittedDefinition(each) for each in definitions])
        added = checked_versions(submission, stored, self._holidays, party.at)
        if not proposals.is_about_the_same(proposals.proposal_of(added, stored, party), proposal.data):
            raise ProposalDecided("it would be about other councils by now: propose it again")
        details = {"proposal": proposal.id, "proposed_by": proposal.data.proposed.by}
        recording.append(added, [announcement(each) for each in added], actor=party.by, details=details)


def _in_scope(proposal: StoredProposal, scope: Scope) -> StoredProposal | None:
    """The proposal with what the scope may see of it; None where that is nothing."""
    data = seen(proposal.data, scope)
    return None if data is None else StoredProposal(proposal.id, data)


def _require_step(proposal: ProposalData, caller: Principal, step: ProposalStep) -> None:
    if proposal.status != "proposed":
        raise ProposalDecided(f"it was {proposal.status} already")
    if step not in steps(proposal, caller):
        own = caller.name == proposal.proposed.by
        raise StepNotAllowed(
            "who proposed it cannot decide about it: somebody else has to"
            if own
            else "it is about more councils than you act for: the provider's approver decides"
        )


def _require_fits(waiting: Sequence[StoredProposal], data: ProposalData) -> None:
    if len(waiting) >= MAX_WAITING:
        raise ProposalRefused(f"{MAX_WAITING} changes wait to be approved: decide about those first")
    if len(canonical_json(data)) > MAX_BYTES:
        raise ProposalRefused("it is too large for one proposal: propose fewer documents together")


def _save(recording: VersionTransaction, proposal: StoredProposal, party: PartyWords, action: str) -> None:
    documents = " ".join(f"{each.kind}:{each.id}:{each.replaces + 1}" for each in proposal.data.definitions)
    councils = {council for each in proposal.data.definitions for council in each.councils or ()}
    recording.save_proposal(proposal)
    recording.announce([proposal_update(proposal.id, proposal.data, party.at)])
    recording.record(
        AuditRecord(
            at_us=epoch_us(party.at),
            actor=party.by,
            action=action,
            subject=f"proposal:{proposal.id}",
            council=next(iter(councils)) if len(councils) == 1 else None,
            details={"side": party.side, "documents": documents[:500]},
        )
    )
