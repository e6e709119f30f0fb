"""The product's rules on Bytewax, with recovery. Run by `peers` in an environment that has it."""

import os
import sys
from datetime import timedelta
from pathlib import Path

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

from shared.contracts.topics import TICKETS
from tests.bench_stack.peer_rules import Counter, step

_SNAPSHOT_EVERY = timedelta(seconds=10)
_counter = Counter()


def _judge(stored: bytes | None, record: KafkaSourceMessage) -> tuple[bytes, list[bytes]]:
    stepped = step(
        stored,
        record.key,
        record.value,
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=record.timestamp[1],
    )
    _counter.add()
    return stepped


def _flow(broker: str, output: str) -> Dataflow:
    flow = Dataflow("judging")
    records = op.input("tickets", flow, KafkaSource([broker], [TICKETS.name]))
    by_item = op.key_on("by item", records, lambda record: record.key.decode())
    judged = op.stateful_map("judge", by_item, _judge)
    messages = op.flat_map(
        "announce", judged, lambda item: [KafkaSinkMessage(item[0].encode(), event) for event in item[1]]
    )
    op.output("verdicts", messages, KafkaSink([broker], output))
    return flow


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    init_db_dir(folder, 1)
    flow = _flow(os.environ["BENCH_BROKER"], os.environ["BENCH_OUTPUT"])
    cli_main(flow, epoch_interval=_SNAPSHOT_EVERY, recovery_config=RecoveryConfig(folder, timedelta(0)))
