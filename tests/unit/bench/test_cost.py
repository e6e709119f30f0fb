"""The arithmetic of the benches' tables, and how what they measure is watched."""

import subprocess
import sys

import pytest

from tests.bench._spent import Spent
from tests.bench_stack.cost import Cost, advantage, compare, growth, header, row
from tests.bench_stack.environment import CountingProgram, ProgramFailed, counting_program, processor_s, tree_s
from tests.support.service_process import eventually

# A hundred thousand events in five seconds, with three of processor: 20,000 a second at 30 us each.
ONE = Cost("one process", 100_000, 5.0, 3.0, {"Kafka": 0.5, "Redis": 0.25}, held_ms=12.34)


def test_a_rate_is_by_the_clock_and_a_cost_by_the_processor() -> None:
    assert ONE.rate == 20_000
    assert ONE.own_us == pytest.approx(30)
    assert [ONE.server_us(name) for name in ("Kafka", "Redis", "PostgreSQL")] == pytest.approx([5.0, 2.5, 0.0])


def test_two_rows_are_compared_event_by_event_however_many_each_had() -> None:
    half = Cost("another", 50_000, 5.0, 3.0)

    assert compare(ONE, half) == pytest.approx((2.0, 0.5))


@pytest.mark.parametrize(
    ("own_s", "words"),
    [
        pytest.param(3.29, "1.10 x its us (within the 1.10 allowed)", id="just below a tenth more"),
        pytest.param(3.3, "1.10 x its us (within the 1.10 allowed)", id="a tenth more"),
        pytest.param(3.34, "1.11 x its us (MORE THAN the 1.10 allowed)", id="just above"),
    ],
)
def test_more_processes_may_take_a_tenth_more_of_the_processor_an_event(own_s: float, words: str) -> None:
    two = Cost("two", 100_000, 2.5, own_s)

    assert growth(two, ONE) == f"2.00 x the rate of one, {words}"


def test_the_product_is_set_beside_a_peer_in_both_figures() -> None:
    peer = Cost("peer", 100_000, 12.5, 7.5)

    assert advantage(ONE, peer) == "the product has 2.50 x this rate, 0.40 x these us"


def test_each_figure_of_a_row_stands_below_its_header() -> None:
    line = row(ONE, "a remark")

    assert " ".join(line.split()) == "one process 20,000 30.0 5.0 2.5 0.0 12.3 ms a remark"
    ends = {"events/s": "20,000", "own": "30.0", "Kafka": "5.0", "Redis held": "12.3 ms"}
    assert {name: header().index(name) + len(name) for name in ends} == {
        name: line.index(figure) + len(figure) for name, figure in ends.items()
    }


def test_a_row_for_which_redis_was_not_looked_at_ends_with_its_last_figure() -> None:
    assert row(Cost("peer", 1, 1.0, 1.0)).endswith(" 0.0")


def test_what_work_has_spent_is_told_by_the_event() -> None:
    spent = Spent(12.0, 8.0).since(Spent(10.0, 7.0))

    assert spent == (2.0, 1.0)
    assert spent.line("work", 40_000).split() == ["work", "20,000", "/s", "25.0", "us", "of", "processor"]


def test_a_tree_of_processes_is_counted_with_those_that_have_ended() -> None:
    busy = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'sum(range(20_000_000))']); input()"
    with subprocess.Popen([sys.executable, "-c", busy], stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        eventually(lambda: tree_s(process.pid) - processor_s(process.pid) > 0.1)
        process.stdin.write(b"\n")
        process.stdin.flush()


STAYS = "import time; print(500, flush=True); print('by the way', flush=True); time.sleep(600)"


def test_a_program_is_as_far_as_it_last_printed() -> None:
    with counting_program("-c", STAYS) as program:
        eventually(lambda: program.position() == 500)


def test_a_program_that_ends_early_fails_with_its_last_words() -> None:
    with counting_program("-c", "print(500); raise SystemExit('no broker')") as program:
        eventually(lambda: _has_ended(program))
        with pytest.raises(ProgramFailed, match="no broker"):
            program.position()


def _has_ended(program: CountingProgram) -> bool:
    try:
        program.position()
    except ProgramFailed:
        return True
    return False
