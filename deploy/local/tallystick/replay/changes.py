"""What an export changes of what its source sent before: facts that are new, and facts that are withdrawn.

All that an export says of an item holds, and nothing else: a fact that it does not repeat is withdrawn, one that it
says otherwise is withdrawn and sent again. Items that it does not have stay, but for those of a span for which it is
complete.
An item of which a later export spoke stays as that one said; so does one of which a row was refused.
"""

from collections.abc import Collection, Iterable, Iterator
from hashlib import sha256
from typing import NamedTuple

from shared.contracts.codec import AnyEvent, decode_event, encode_event
from shared.contracts.envelope import ItemEvent
from shared.contracts.items import FactWithdrawn, TicketOpened, WorkReceived
from shared.contracts.usage import UsageAdjusted, UsageRecorded, UsageReversed
from shared.instants import epoch_us
from tallystick.replay.events import TimedEvent
from tallystick.replay.export_register import ExportRegister, Span
from tallystick.replay.identity import Fact, content_of, fact_id, with_id, withdrawal_id
from tallystick.replay.precedence import Precedence, whole_and_partial
from tallystick.replay.rows import ItemName
from tallystick.replay.scratch import Scratch
from tallystick.replay.withdrawals import SentFact, with_reading, withdrawal_of

# Of the items of a span for which an export is complete, more may go only when somebody has approved exactly that.
GOING_UNASKED = 0.02
_OPENINGS = (TicketOpened, WorkReceived, UsageRecorded)
_SCHEMA = """
CREATE TABLE sent (id TEXT PRIMARY KEY, key TEXT, content TEXT, at_us INTEGER, opens INTEGER, adjusts TEXT,
    value BLOB, dead INTEGER DEFAULT 0, goes INTEGER DEFAULT 0) WITHOUT ROWID;
CREATE INDEX sent_key ON sent (key);
CREATE INDEX sent_content ON sent (content);
CREATE INDEX sent_adjusts ON sent (adjusts) WHERE adjusts IS NOT NULL;
CREATE TABLE withdrawn (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE stated (content TEXT PRIMARY KEY, key TEXT, at_us INTEGER, opens INTEGER) WITHOUT ROWID;
CREATE INDEX stated_key ON stated (key);
CREATE TABLE new (content TEXT PRIMARY KEY, key TEXT, withdrawn INTEGER) WITHOUT ROWID;
"""


class ExportDifference(NamedTuple):
    """What an export changes, in numbers. Events are of the file; facts those that were sent before.

    `older` are items of which a later export said something, `held` those that keep what was sent because a row of
    theirs was refused, `gone` those that the export would have if they were still there, of `span` that were there.
    """

    new: int = 0
    withdrawn: int = 0
    changed_items: int = 0
    known: int = 0
    kept: int = 0
    older: int = 0
    held: int = 0
    gone: int = 0
    span: int = 0
    digest: str = ""

    @property
    def too_many_gone(self) -> bool:
        """Whether so many items would go that somebody must have approved it."""
        return self.gone > GOING_UNASKED * self.span

    @property
    def any(self) -> bool:
        """Whether anything that was sent before changes."""
        return bool(self.withdrawn)


class ExportChanges:
    """Compares the events of one export of `source` with what was sent before; `as_of_us` is when it was made."""

    def __init__(self, scratch: Scratch, source: str, *, as_of_us: int, complete: Span | None = None) -> None:
        self._scratch, self._source, self._as_of_us, self._complete = scratch, source, as_of_us, complete
        self._compared = False
        for statement in _SCHEMA.split(";"):
            scratch.execute(statement)

    def add_sent(self, events: Iterable[tuple[AnyEvent, bytes]]) -> None:
        """The events, with their bytes, were sent before, by whatever source. Of two with one id the first counts."""
        facts, withdrawn = [], []
        for event, value in events:
            if not isinstance(event, ItemEvent) or event.source != self._source:
                continue
            match event:
                case FactWithdrawn():
                    withdrawn.append((event.data.withdrawn_id,))
                case UsageReversed():
                    withdrawn.append((event.data.reversed_id,))
                case _ if isinstance(event, Fact):
                    facts.append(_sent_row(event, value))
        self._scratch.executemany(
            "INSERT INTO sent (id, key, content, at_us, opens, adjusts, value) VALUES (?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            facts,
        )
        self._scratch.executemany("INSERT INTO withdrawn VALUES (?) ON CONFLICT DO NOTHING", withdrawn)

    @property
    def any_sent(self) -> bool:
        """Whether the source sent anything before."""
        return self._scratch.execute("SELECT 1 FROM sent LIMIT 1").fetchone() is not None

    def is_newest(self, register: ExportRegister) -> bool:
        """Whether no export of the source is as of a later instant."""
        newer = register.newer(self._source, self._as_of_us), register.newer_spans(self._source, self._as_of_us)
        return not any(any(True for _ in each) for each in newer)

    def add_stated(self, events: Iterable[TimedEvent]) -> None:
        """The events are those of the export."""
        rows = ((each.content, each.key, each.at_us, each.opens) for each in events)
        self._scratch.executemany("INSERT INTO stated VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", rows)

    def compare(self, register: ExportRegister, refused: Collection[ItemName]) -> ExportDifference:
        """What changes; `refused` are the items of which a row was refused. Everything must have been added."""
        self._compared = True
        self._mark_dead()
        precedence = Precedence(self._scratch, register, self._source, as_of_us=self._as_of_us)
        precedence.decide(refused)
        gone, span = self._mark_going(precedence)
        self._execute(
            "INSERT INTO new SELECT content, key, (SELECT count(*) FROM sent WHERE sent.content = stated.content) "
            "FROM stated JOIN item USING (key) WHERE fate IN ('holds', 'partial') "
            "AND NOT EXISTS (SELECT 1 FROM sent WHERE sent.content = stated.content AND dead = 0 AND goes = 0)"
        )
        stated, kept = (
            self._count("stated"),
            self._count("stated JOIN item USING (key)", "fate NOT IN ('holds', 'partial')"),
        )
        new = self._count("new")
        return ExportDifference(
            new=new,
            withdrawn=self._count("sent", "goes = 1"),
            changed_items=self._count_keys("sent JOIN item USING (key)", "goes = 1"),
            known=stated - kept - new,
            kept=kept,
            older=self._count("item", "fate IN ('older', 'gone')"),
            held=self._count("item", "fate = 'held'"),
            gone=gone,
            span=span,
            digest=self._digest(),
        )

    def events(self, stated: Iterable[TimedEvent]) -> Iterator[TimedEvent]:
        """What is to be sent so that the export holds: withdrawals, then what of `stated` is new, in its order."""
        yield from self._withdrawals()
        for timed in stated:
            row = self._scratch.execute("SELECT withdrawn FROM new WHERE content = ?", (timed.content,)).fetchone()
            if row is not None:
                yield self._renamed(timed, row[0])

    def changed_keys(self) -> Iterator[str]:
        """The keys of the items that were there before and of which anything changes, in their order."""
        return self._keys(
            "SELECT DISTINCT key FROM sent WHERE goes = 1 UNION "
            "SELECT key FROM new WHERE EXISTS (SELECT 1 FROM sent WHERE sent.key = new.key) ORDER BY 1"
        )

    def note(self, register: ExportRegister, first: Collection[str], refused: Collection[ItemName]) -> None:
        """The register knows what the export said; of the `first` export of a source the keys of its items are given.

        `refused` are the items of which a row was refused.
        """
        keys = self._stated_keys() if self._compared else whole_and_partial(first, refused)
        register.note(self._source, keys, as_of_us=self._as_of_us)
        if self._complete is not None:
            register.note_complete(self._source, self._complete, refused, as_of_us=self._as_of_us)

    def _stated_keys(self) -> Iterator[tuple[str, bool]]:
        """The keys of the items of which this export's word counts, each with whether it says only a part."""
        found = self._scratch.execute("SELECT key, fate = 'partial' FROM item WHERE fate NOT IN ('older', 'held')")
        return ((key, bool(is_partial)) for key, is_partial in found.fetchall())

    def _mark_dead(self) -> None:
        """What was withdrawn is dead; so is an adjustment that was undone, and one of a reading that was reversed."""
        adjustments = self._scratch.execute("SELECT id FROM sent WHERE adjusts IS NOT NULL").fetchall()
        undone = [(each, withdrawal_id(self._source, each)) for (each,) in adjustments]
        for adjusted, undoing in undone:
            if self._scratch.execute("SELECT 1 FROM sent WHERE id = ?", (undoing,)).fetchone() is not None:
                self._scratch.executemany("INSERT OR IGNORE INTO withdrawn VALUES (?)", [(adjusted,), (undoing,)])
        self._execute("UPDATE sent SET dead = 1 WHERE EXISTS (SELECT 1 FROM withdrawn WHERE withdrawn.id = sent.id)")
        self._execute(
            "UPDATE sent SET dead = 1 WHERE adjusts IS NOT NULL "
            "AND EXISTS (SELECT 1 FROM withdrawn WHERE withdrawn.id = sent.adjusts)"
        )

    def _mark_going(self, precedence: Precedence) -> tuple[int, int]:
        """What goes is marked; returns how many items of the span go whole, and how many were there."""
        self._execute(
            "UPDATE sent SET goes = 1 WHERE dead = 0 AND EXISTS (SELECT 1 FROM item WHERE item.key = sent.key AND "
            "(fate = 'gone' OR fate IN ('holds', 'partial') AND NOT EXISTS "
            "(SELECT 1 FROM stated WHERE stated.content = sent.content)))"
        )
        gone = span = 0
        if self._complete is not None:
            opened = "FROM sent WHERE opens = 1 AND dead = 0 AND at_us >= ? AND at_us < ?"
            span = self._execute(f"SELECT count(DISTINCT key) {opened}", *self._complete)
            newer = precedence.spoken_of_later()
            missing = self._scratch.execute(
                f"SELECT DISTINCT key {opened} AND NOT EXISTS (SELECT 1 FROM item WHERE item.key = sent.key)",  # noqa: S608 (constants)
                self._complete,
            ).fetchall()
            going = [(key,) for (key,) in missing if key not in newer]
            self._scratch.executemany("UPDATE sent SET goes = 1 WHERE dead = 0 AND key = ?", going)
            gone = len(going)
        # An adjustment goes with its reading, without an event of its own.
        self._execute(
            "UPDATE sent SET goes = 0, dead = 1 WHERE adjusts IS NOT NULL AND dead = 0 "
            "AND EXISTS (SELECT 1 FROM sent AS reading WHERE reading.id = sent.adjusts AND reading.goes = 1)"
        )
        return gone, span

    def _withdrawals(self) -> Iterator[TimedEvent]:
        found = self._scratch.execute("SELECT id, key, value FROM sent WHERE goes = 1 ORDER BY key, id")
        for id_, key, value in found.fetchall():
            event = decode_event(value)
            if isinstance(event, Fact):
                yield withdrawal_of(SentFact(id_, key, event), self._source, as_of_us=self._as_of_us)

    def _renamed(self, timed: TimedEvent, withdrawn: int) -> TimedEvent:
        """The event under an id that it never had, and of an adjustment the reading that holds now."""
        event = decode_event(timed.value)
        if not isinstance(event, Fact) or not (withdrawn or isinstance(event, UsageAdjusted)):
            return timed
        event = with_id(event, fact_id(self._source, timed.content, withdrawn))
        if isinstance(event, UsageAdjusted):
            event = with_reading(event, self._reading(timed.key) or event.data.adjusted_id)
        return timed._replace(value=encode_event(event))

    def _reading(self, key: str) -> str | None:
        """The id of the reading under `key` that holds when all is sent."""
        row = self._scratch.execute(
            "SELECT id FROM sent WHERE key = ? AND opens = 1 AND dead = 0 AND goes = 0", (key,)
        ).fetchone()
        if row is not None:
            return str(row[0])
        row = self._scratch.execute(
            "SELECT content, withdrawn FROM new JOIN stated USING (content) WHERE stated.key = ? AND opens = 1", (key,)
        ).fetchone()
        return None if row is None else fact_id(self._source, *row)

    def _digest(self) -> str:
        """What names exactly these changes: which facts go, and which come."""
        found = sha256()
        for (going,) in self._scratch.execute("SELECT id FROM sent WHERE goes = 1 ORDER BY id"):
            found.update(f"-{going}".encode())
        for (coming,) in self._scratch.execute("SELECT content FROM new ORDER BY content"):
            found.update(f"+{coming}".encode())
        return found.hexdigest()

    def _execute(self, statement: str, *values: int) -> int:
        row = self._scratch.execute(statement, values).fetchone()
        return 0 if row is None else int(row[0])

    def _count(self, table: str, where: str = "1") -> int:
        return self._execute(f"SELECT count(*) FROM {table} WHERE {where}")  # noqa: S608 (constants of this file)

    def _count_keys(self, table: str, where: str) -> int:
        return self._execute(f"SELECT count(DISTINCT key) FROM {table} WHERE {where}")  # noqa: S608 (as above)

    def _keys(self, statement: str) -> Iterator[str]:
        return (key for (key,) in self._scratch.execute(statement).fetchall())


def _sent_row(event: Fact, value: bytes) -> tuple[str, str, str, int, bool, str | None, bytes]:
    adjusts = event.data.adjusted_id if isinstance(event, UsageAdjusted) else None
    return event.id, event.key, content_of(event), epoch_us(event.time), isinstance(event, _OPENINGS), adjusts, value
