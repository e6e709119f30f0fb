"""A month of a million events recomputed row by row and compared with its draft: seconds, and memory at most.

Each statement waits for it before it is issued. On SQLite, in a process of its own; half of the events are of work and
half are readings, as in the bench of tallies.
"""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from tempfile import TemporaryDirectory

from billing.domain.metering import EventReceived
from billing.statements.drafts import draft_in
from billing.statements.recomputation import compared
from billing.store.sql import SqlStore
from billing.store.tables import event
from shared.contracts.topics import CATALOGUE
from shared.period import Month
from shared.scope import Scope
from shared.sql.engine import connect
from tests.bench import tally
from tests.bench._spent import Spent
from tests.support.billing_feed import CATALOGUED, feed
from tests.support.recharges import ASHBY

EVENTS = int(os.environ.get("RECOMPUTED_EVENTS", "1000000"))
MAY = Month(2026, 5)
_AT_ONCE = 10_000


def run() -> None:
    """The rows are stored and recomputed; raises where a figure differs."""
    sys.stdout.write(f"the recomputation of {EVENTS:,} events of a council's month\n")
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/billing.db"
        with closing(SqlStore.open(url)) as store:
            feed(store, CATALOGUE, CATALOGUED)
        fill(url)
        for what in ("draft", "recompute"):
            asked = [sys.executable, "-m", "tests.bench.recomputation", what, url]
            sys.stdout.write(subprocess.run(asked, check=True, capture_output=True, text=True).stdout)
    sys.stdout.write("\n")


def work(what: str, url: str) -> None:
    """One part in this process, and what it took."""
    with closing(SqlStore.open(url)) as store, store.snapshot(Scope.all()) as snapshot:
        began = Spent.now()
        draft = draft_in(snapshot, ASHBY.id, MAY, "draft")
        if what == "recompute":
            began = Spent.now()
            if found := compared(snapshot, draft):
                raise SystemExit(found[0].text)
        spent = Spent.now().since(began)
    most_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(f"{spent.line(what, EVENTS)}, {spent.elapsed_s:,.1f} s, at most {most_mb:,.0f} MB\n")


def fill(url: str) -> None:
    """All events are stored, as ingesting them would leave them."""
    engine, left = connect(url), _rows()
    with engine.begin() as connection:
        while rows := list(islice(left, _AT_ONCE)):
            connection.execute(event.insert(), rows)
    engine.dispose()


def _rows() -> Iterator[dict[str, object]]:
    names = [name for name in EventReceived.__struct_fields__ if name != "origin"]
    for each in tally.events(EVENTS):
        origin = {"source": each.origin.source, "event_id": each.origin.id, "at_us": each.origin.at_us}
        yield origin | {"place": each.origin.place} | {name: getattr(each, name) for name in names}


if __name__ == "__main__":
    work(sys.argv[1], sys.argv[2])
