"""Each part of aiokafka that is used and not public is there, in the release that is pinned."""

import ast
import inspect
import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import MessageAccumulator, MessageBatch
from aiokafka.producer.sender import Sender
from aiokafka.protocol.api import Request, RequestStruct

from shared.bus import aiokafka_internals, kafka_client

ROOT = Path(__file__).parents[4]
# What each part belongs to, and what must be true of it.
PRIVATE = {
    "_sender": (AIOKafkaProducer.__init__, "self._sender"),
    "_message_accumulator": (AIOKafkaProducer.__init__, "self._message_accumulator"),
    "_batches": (MessageAccumulator.__init__, "self._batches"),
    "_pending_batches": (MessageAccumulator.__init__, "self._pending_batches"),
    "_drain_waiter": (MessageBatch.__init__, "self._drain_waiter"),
}


@pytest.mark.parametrize("name", PRIVATE)
def test_a_private_attribute_is_there(name: str) -> None:
    made_in, attribute = PRIVATE[name]

    assert f"{attribute} = " in inspect.getsource(made_in) or f"{attribute}: " in inspect.getsource(made_in)


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (Sender, "close"),
        (MessageAccumulator, "fail_all"),
        (AIOKafkaClient, "bootstrap"),
        (AIOKafkaClient, "send"),
        (AIOKafkaClient, "get_random_node"),
        (Request, "build"),
        (RequestStruct, "to_object"),
    ],
)
def test_an_undocumented_method_is_there(owner: type, name: str) -> None:
    assert callable(getattr(owner, name))


def test_no_other_private_attribute_is_used_and_none_elsewhere() -> None:
    used = {path.name: private_attributes(path) for path in Path(aiokafka_internals.__file__).parent.glob("*kafka*.py")}

    assert used.pop("aiokafka_internals.py") == PRIVATE.keys()
    assert set().union(*used.values()) == set()


def private_attributes(path: Path) -> set[str]:
    """Attributes with an underscore of anything but `self`."""
    return {
        node.attr
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and re.match(r"_[a-z]", node.attr)
        and not (isinstance(node.value, ast.Name) and node.value.id == "self")
    }


def test_aiokafka_is_pinned_to_the_release_that_is_installed() -> None:
    pinned = tomllib.loads((ROOT / "shared/pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]

    assert [each for each in pinned if each.startswith("aiokafka")] == ["aiokafka>=0.14,<0.15"]
    assert version("aiokafka").startswith("0.14.")


@pytest.mark.anyio
async def test_a_producer_that_never_started_can_be_aborted() -> None:
    producer = AIOKafkaProducer(bootstrap_servers="127.0.0.1:1")

    aiokafka_internals.fail_batches(producer, KafkaError("aborted"))
    await kafka_client.within(1, aiokafka_internals.close_sender(producer))
    await producer.stop()
