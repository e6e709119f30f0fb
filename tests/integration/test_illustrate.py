"""`tallystick illustrate`: illustrative events in any log, the same ones however often they are sent."""

import asyncio
import re
from pathlib import Path

from shared.bus.connect import connect
from shared.contracts.codec import decode_event
from shared.contracts.envelope import ItemEvent
from shared.contracts.topics import TICKETS, USAGE, WORK
from tests.support.log_reading import read_records, seek_all, shards_of, values
from tests.support.service_process import run_to_end, state_folder_env

COMMAND = ("-m", "tallystick", "illustrate", "--months", "1")
TOPICS = (TICKETS, WORK, USAGE)


async def records_in(folder: Path) -> list[bytes]:
    """Everything that providers have sent."""
    bus = connect(f"sqlite:///{folder}/log.db")
    shards = [shard for topic in TOPICS for shard in shards_of(topic)]
    count = sum([(await bus.bounds(shard)).end for shard in shards])
    subscription = await bus.subscribe("test", [topic.name for topic in TOPICS])
    await seek_all(subscription)
    taken = await read_records(subscription, count)
    await bus.close()
    return values(taken)


def test_events_of_the_month_are_in_the_log_and_the_same_when_sent_again(tmp_path: Path) -> None:
    for times in (1, 2):
        ended = run_to_end(*COMMAND, env=state_folder_env(tmp_path))
        assert ended.returncode == 0, ended.stderr
        sent = re.search(r"([\d,]+) illustrative events sent", ended.stdout)
        assert sent

        records = asyncio.run(records_in(tmp_path))

        assert len(records) == times * int(sent[1].replace(",", ""))
        assert all(isinstance(decode_event(value), ItemEvent) for value in records)
        assert len(set(records)) <= len(records) / times


def test_an_unknown_example_or_log_is_refused_with_what_to_do(tmp_path: Path) -> None:
    for arguments, env, message in (
        (("--example", "atlantis"), {}, "adur-worthing"),
        ((), {"BUS_URL": "amqp://broker"}, "BUS_URL"),
    ):
        refused = run_to_end(*COMMAND, *arguments, env=state_folder_env(tmp_path) | env)

        assert refused.returncode == 2
        assert message in refused.stderr
