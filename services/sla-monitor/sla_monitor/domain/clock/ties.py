"""Facts of one instant, in the order in which each of them applies to what the item is then (R23).

Systems that record minutes have many such facts. They are put in an order in which the most of them take effect: a
paused item resumes before it pauses again, a stopped one reopens before it stops or pauses, and a pending question is
answered before the next is asked. What leaves a choice is taken by kind, source and id. Linear in the number of facts.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from sla_monitor.domain.facts import (
    AnyFact,
    Asked,
    Cancelled,
    Classification,
    ClassifyingFact,
    Closed,
    Paused,
    Reclassified,
    Reopened,
    Reprioritised,
    Responded,
    Resumed,
    Stopped,
)

STOPS = frozenset({Stopped, Cancelled, Closed})
_STATUS = STOPS | {Reopened, Resumed, Paused}
_EXCHANGE = frozenset({Asked, Responded})
_CHANGES = frozenset({Reprioritised, Reclassified})


class TieState(Struct, frozen=True):
    """What an item is as an instant comes: stopped or paused or neither, with a question pending or not."""

    stopped: bool
    paused: bool
    asked: bool
    classification: Classification


def in_order_of_effect(tie: Sequence[AnyFact], state: TieState) -> list[AnyFact]:
    """The facts of one instant and sequence, given in order of kind, source and id, in the order to apply them.

    What it is classified as is set while the item is open, if it is open at any time in this.
    """
    changes = list(_changes([fact for fact in tie if isinstance(fact, ClassifyingFact)], state.classification))
    status = list(_status([fact for fact in tie if type(fact) in _STATUS], state))
    first = 1 if state.stopped and status and type(status[0]) is Reopened else 0
    return [
        *[fact for fact in tie if type(fact) not in _STATUS | _EXCHANGE | _CHANGES],
        *_exchanges([fact for fact in tie if type(fact) in _EXCHANGE], state),
        *status[:first],
        *changes,
        *status[first:],
    ]


def _status(tie: Sequence[AnyFact], state: TieState) -> Iterator[AnyFact]:
    """Stops, reopenings, pauses and resumptions; at the end those that have no effect."""
    stops = deque(fact for fact in tie if type(fact) in STOPS)
    reopenings, pauses, resumptions = (_of(kind, tie) for kind in (Reopened, Paused, Resumed))
    stopped, paused = state.stopped, state.paused
    while True:
        if stopped:
            if not reopenings:
                break
            stopped = False
            yield reopenings.popleft()
        elif paused and resumptions:
            paused = False
            yield resumptions.popleft()
        elif stops and (reopenings or not pauses):  # without a reopening, a pause after the stop would be lost
            stopped, paused = True, False
            yield stops.popleft()
        elif pauses:
            paused = True
            yield pauses.popleft()
        else:
            break
    yield from (*reopenings, *resumptions, *stops, *pauses)


def _exchanges(tie: Sequence[AnyFact], state: TieState) -> Iterator[AnyFact]:
    """Questions and answers in turn, as long as there are both."""
    questions, answers = _of(Asked, tie), _of(Responded, tie)
    pending = state.asked
    while questions or answers:
        answer = bool(answers) and (pending or not questions)
        pending = not answer
        yield (answers if answer else questions).popleft()


def _changes(tie: Iterable[ClassifyingFact], current: Classification) -> Iterator[AnyFact]:
    """Changes of what the item is; one to what it is already waits until another has changed it."""
    waiting: deque[ClassifyingFact] = deque()
    for fact in tie:
        changed = current.changed(fact, current.since)
        if changed.same_as(current):
            waiting.append(fact)
            continue
        yield fact
        current = changed
        if waiting and not (changed := current.changed(waiting[0], current.since)).same_as(current):
            current = changed
            yield waiting.popleft()
    yield from waiting


def _of(kind: type[AnyFact], tie: Sequence[AnyFact]) -> deque[AnyFact]:
    return deque(fact for fact in tie if type(fact) is kind)
