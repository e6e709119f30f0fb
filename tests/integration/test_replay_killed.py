"""A replay may be killed at any moment, and may be run any number of times: it ends in the same state."""

import asyncio
import shutil
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from shared.bus.connect import connect
from shared.contracts.topics import TICKETS as TICKETS_SENT
from shared.contracts.topics import TOPICS
from shared.log.port import BusError, Message, every_shard
from tests.support.figures import print_figure
from tests.support.replay_command import ReplayCommand, ReplayRun, run, run_killed
from tests.support.state_folder import JUDGING, FolderContent, content_of, shards_read, unread
from tests.support.ticket_export import AS_OF, MONTHS, ticket_export

TICKETS = 2_000
KILLS, LEAST_KILLED = 6, 5  # kills in each folder of state, and how many must find the replay alive
MOST_OF_IT = 0.6  # of an undisturbed replay's time: one that was begun before is sooner done
ATTEMPTS = 5 * KILLS  # a machine that is often too fast for a kill has another try


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> ReplayCommand:
    export, mapping = ticket_export(tmp_path_factory.mktemp("desk"), tickets=TICKETS, seed=1)
    return ReplayCommand(export, str(mapping), AS_OF)


@pytest.fixture(scope="module")
def undisturbed(command: ReplayCommand, tmp_path_factory: pytest.TempPathFactory) -> ReplayRun:
    return run(command, tmp_path_factory.mktemp("undisturbed"))


@pytest.fixture(scope="module")
def expected(undisturbed: ReplayRun) -> FolderContent:
    found = content_of(undisturbed.folder, MONTHS)
    assert len(found.statements) == 5 * 3
    assert len(found.verdicts) > TICKETS
    return found


def results(folder: Path) -> Counter[str]:
    """What became of the records that were judged, in all shards together."""
    return sum((read.results for read in shards_read(folder) if read.reader == JUDGING), Counter())


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in (1, 2, 3))])
def test_a_replay_killed_at_any_moment_ends_as_one_that_was_not(
    seed: int, command: ReplayCommand, undisturbed: ReplayRun, expected: FolderContent, tmp_path: Path
) -> None:
    folder = tmp_path / "killed"
    chance = Random(seed)  # noqa: S311 (nothing secret: the delays can be had again)
    landed = killed(command, folder, chance, within_s=MOST_OF_IT * undisturbed.working_s)

    last = run(command, folder)

    assert last.verdicts.read_bytes() == undisturbed.verdicts.read_bytes()
    assert content_of(folder, MONTHS) == expected
    assert not [read for read in shards_read(folder) if read.unaccounted]
    assert set(unread(folder).values()) == {0}
    assert results(folder)["applied"] == results(undisturbed.folder)["applied"]
    print_figure(f"{len(landed)} kills; unread at each: {landed}")
    assert len(landed) >= LEAST_KILLED, f"vacuous: only {len(landed)} kills found the replay alive"
    assert landed[0][JUDGING], "vacuous: every kill found all work done"


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_replay_that_was_ended_while_it_sent_ends_as_one_that_was_not(
    share: float, command: ReplayCommand, undisturbed: ReplayRun, expected: FolderContent, tmp_path: Path
) -> None:
    sent = asyncio.run(send_beginning(undisturbed.folder, tmp_path, share=share))

    last = run(command, tmp_path)

    assert last.verdicts.read_bytes() == undisturbed.verdicts.read_bytes()
    assert content_of(tmp_path, MONTHS) == expected
    assert results(tmp_path) == results(undisturbed.folder)
    assert 0 < sent < results(tmp_path)["applied"]


def killed(command: ReplayCommand, folder: Path, chance: Random, *, within_s: float) -> list[dict[str, int]]:
    """What was unread at each of `KILLS` kills of the replay into `folder`.

    It begins anew until a kill leaves something unread: what the log holds is not sent again, so that a replay into a
    folder where all is judged has nothing left to lose.
    """
    landed: list[dict[str, int]] = []
    for attempt in range(ATTEMPTS):
        if len(landed) < KILLS and run_killed(command, folder, after_s=chance.uniform(0, within_s)):
            landed.append(unread_in_a_copy(folder, folder.with_name(f"{folder.name}-{attempt}")))
        if not landed or not landed[0].get(JUDGING):
            landed.clear()
            shutil.rmtree(folder)
    return landed


def unread_in_a_copy(folder: Path, copy: Path) -> dict[str, int]:
    """What is unread in `folder`: opening the files themselves would repair what a killed process left in them."""
    shutil.copytree(folder, copy)
    try:
        return unread(copy)
    except BusError:
        return Counter()  # it was killed before the log had its topics


def test_a_replay_run_twice_changes_no_verdict_and_no_pound(
    command: ReplayCommand, expected: FolderContent, tmp_path: Path
) -> None:
    first = run(command, tmp_path)
    verdicts, applied = first.verdicts.read_bytes(), results(tmp_path)["applied"]

    second = run(command, tmp_path)

    assert second.verdicts.read_bytes() == verdicts
    assert content_of(tmp_path, MONTHS) == expected
    assert not [read for read in shards_read(tmp_path) if read.unaccounted]
    assert results(tmp_path) == Counter(applied=applied), "what the log holds was sent again"


def test_a_log_that_holds_every_event_twice_changes_no_verdict_and_no_pound(
    command: ReplayCommand, expected: FolderContent, tmp_path: Path
) -> None:
    verdicts, applied = run(command, tmp_path).verdicts.read_bytes(), results(tmp_path)["applied"]
    asyncio.run(send_again(tmp_path))

    second = run(command, tmp_path)

    assert second.verdicts.read_bytes() == verdicts
    assert content_of(tmp_path, MONTHS) == expected
    assert not [read for read in shards_read(tmp_path) if read.unaccounted]
    assert results(tmp_path) == Counter(applied=applied, duplicate=applied)


async def send_beginning(whole: Path, folder: Path, *, share: float) -> int:
    """The log of `folder` holds the first events of that of `whole`, as a replay sends them; returns how many."""
    shards = every_shard([TICKETS_SENT])
    source, target = (connect(f"sqlite:///{each}/log.db") for each in (whole, folder))
    try:
        await target.ensure_topics(TOPICS)
        held = [(shard, each) for shard in shards for each in await source.read(shard, 0, limit=100_000)]
        in_order = sorted(held, key=lambda found: found[1].timestamp_ms)
        beginning = in_order[: int(share * len(in_order))]
        for shard in shards:
            messages = [
                Message((each.key or b"").decode(), each.value or b"", timestamp_ms=each.timestamp_ms)
                for its, each in beginning
                if its == shard
            ]
            if messages:
                await target.publish_to(shard, messages)
    finally:
        await source.close()
        await target.close()
    return len(beginning)


async def send_again(folder: Path) -> None:
    """Each ticket's event that the log holds is in it once more."""
    bus = connect(f"sqlite:///{folder}/log.db")
    try:
        for shard in every_shard([TICKETS_SENT]):
            records = await bus.read(shard, 0, limit=100_000)
            again = [
                Message((each.key or b"").decode(), each.value or b"", timestamp_ms=each.timestamp_ms)
                for each in records
            ]
            await bus.publish_to(shard, again)
    finally:
        await bus.close()
