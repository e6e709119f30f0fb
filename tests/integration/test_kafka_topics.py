"""The command that creates the topics on a broker, and what they are like."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from shared.bus import kafka_topics
from shared.bus.kafka_address import parse
from shared.bus.kafka_topics import describe_cluster
from shared.contracts.topics import CATALOGUE, TICKETS, TOPICS, Topic
from shared.log.port import PartitionMismatch
from tests.support import kafka_broker, servers

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def empty_server(docker_engine: None) -> Iterator[str]:
    """A broker that has none of our topics."""
    with servers.kafka() as address:
        yield address


def command(url: str, verb: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "shared.bus", "topics", verb],
        env={"BUS_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )


async def test_create_creates_every_topic_once_and_check_agrees_only_afterwards(empty_server: str) -> None:
    url = f"kafka://{empty_server}"

    before = command(url, "check")
    created, again, after = command(url, "create"), command(url, "create"), command(url, "check")

    assert [before.returncode, created.returncode, again.returncode, after.returncode] == [2, 0, 0, 0]
    assert [answer.stdout.count("missing") for answer in (before, after)] == [len(TOPICS), 0]
    assert [answer.stdout.count("created") for answer in (created, again)] == [len(TOPICS), 0]
    assert f"{len(TOPICS)} of {len(TOPICS)} do not exist" in before.stderr


async def test_a_topic_is_created_with_its_retention_and_the_time_of_appending(empty_server: str) -> None:
    await kafka_topics.ensure(parse(f"kafka://{empty_server}"), TOPICS)

    tickets = await kafka_broker.settings_of(empty_server, TICKETS.name)
    catalogue = await kafka_broker.settings_of(empty_server, CATALOGUE.name)

    assert tickets["retention.ms"] == str(400 * 24 * 60 * 60 * 1000)
    assert (tickets["cleanup.policy"], catalogue["cleanup.policy"]) == ("delete", "compact")
    assert tickets["message.timestamp.type"] == catalogue["message.timestamp.type"] == "LogAppendTime"


async def test_a_topic_with_other_partitions_stops_the_command_before_it_creates_anything(kafka_server: str) -> None:
    address = parse(f"kafka://{kafka_server}")
    held, wanted, other = (
        Topic(name, "council:ticket", partitions, 400, ("tests",), ("tests",))
        for name, partitions in (("held-already.v1", 3), ("held-already.v1", 4), ("never-created.v1", 1))
    )
    await kafka_topics.ensure(address, [held])

    with pytest.raises(PartitionMismatch, match=r"expected 4 partitions of held-already\.v1, Kafka has 3"):
        await kafka_topics.ensure(address, [other, wanted])

    assert "never-created.v1" not in (await describe_cluster(address)).topics


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("kafka://localhost:1", "Kafka at localhost:1 does not answer"),
        ("sqlite:///var/log.db", "expected kafka://"),
        ("", "BUS_URL is not set"),
    ],
)
def test_what_cannot_be_used_is_said_in_the_last_line(url: str, says: str) -> None:
    answer = command(url, "check")

    assert answer.returncode == 2
    assert says in answer.stderr.splitlines()[-1]
