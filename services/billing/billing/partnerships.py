"""A partnership's month as a query: what its members are charged, as far as each one's agreement shows it."""

from contextlib import suppress

from billing.domain.partnership_recharges import PartnershipRecharges, disclosed, partnership_recharges
from billing.domain.statement import NoAgreement, Statement, UnknownCouncil
from billing.domain.terms import closing_day
from billing.ports import Snapshot, SnapshotStore
from billing.statements.drafts import statement_in, status_of
from billing.statements.months import StatementFailed
from shared.clock import Clock
from shared.contracts.definitions import Partnership
from shared.period import Month
from shared.scope import Scope


class UnknownPartnership(LookupError):
    """No partnership of that id has a member in scope in that month."""


class PartnershipMonths:
    """What is shown of a partnership to whoever may see some of its councils. Calls block.

    Members' rows are read in two steps, each in a scope of its own, so that the database guards them too: first the
    members' agreements, then the figures of those councils alone of which the agreements show something.
    """

    def __init__(self, store: SnapshotStore, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def month(self, id_: str, month: Month, *, scope: Scope) -> PartnershipRecharges:
        """The partnership's month as shown to `scope`. Raises `MonthNotBegun`, `UnknownPartnership`.

        A member whose own statement could not be computed is not shown.
        """
        status = status_of(month, self._clock)
        with self._store.snapshot(scope) as snapshot:
            members = Scope.of(*_partnership(snapshot, id_, month, scope).councils)
        with self._store.snapshot(members) as snapshot:
            shown = disclosed(snapshot.terms, _partnership(snapshot, id_, month, scope), month, scope)
        with self._store.snapshot(shown) as snapshot:
            # The terms of this moment decide again: an agreement may have changed since.
            partnership = _partnership(snapshot, id_, month, scope)
            statements: list[Statement] = []
            for council in shown.visible(partnership.councils):
                with suppress(UnknownCouncil, NoAgreement, StatementFailed):
                    statements.append(statement_in(snapshot, council, month, status))
            return partnership_recharges(snapshot.terms, partnership, statements, scope, month=month, status=status)


def _partnership(snapshot: Snapshot, id_: str, month: Month, scope: Scope) -> Partnership:
    found = snapshot.terms.partnerships.on(id_, closing_day(month))
    if found is None or not any(map(scope.allows, found.definition.councils)):
        raise UnknownPartnership(f"no partnership {id_} of any council in scope in {month}")
    return found.definition
