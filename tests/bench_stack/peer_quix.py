"""The product's rules on Quix Streams, with a changelog. Run by `peers` in an environment that has it."""

import os
import sys

from quixstreams import Application, State, message_context

from shared.contracts.topics import TICKETS
from tests.bench_stack.peer_rules import Counter, step

_counter = Counter()


def _judge(value: bytes, key: bytes, timestamp_ms: int, _headers: object, state: State) -> list[bytes]:
    place = message_context()
    stepped = step(
        state.get_bytes("item"), key, value, partition=place.partition, offset=place.offset, timestamp_ms=timestamp_ms
    )
    state.set_bytes("item", stepped.stored)
    _counter.add()
    return stepped.announced


def _application(broker: str, output: str, folder: str) -> Application:
    application = Application(
        broker, consumer_group="bench-quix", auto_offset_reset="earliest", state_dir=folder, loglevel="WARNING"
    )
    raw = {"key_deserializer": "bytes", "value_deserializer": "bytes"}
    verdicts = application.topic(output, key_serializer="bytes", value_serializer="bytes")
    records = application.dataframe(application.topic(TICKETS.name, **raw))
    records.apply(_judge, stateful=True, metadata=True, expand=True).to_topic(verdicts)
    return application


if __name__ == "__main__":
    _application(os.environ["BENCH_BROKER"], os.environ["BENCH_OUTPUT"], sys.argv[1]).run()
