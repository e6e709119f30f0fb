"""The ports in memory pass the contract suites of the log and of live state, as far as one process can."""

from collections.abc import AsyncIterator

import pytest

from shared.clock import WallClock
from shared.log.port import Bus, Shard
from shared.state.port import StateStore
from tests.contract.bus_contract import BusContract
from tests.contract.state_store_contract import StateStoreContract
from tests.simulation.bus import MemoryBus
from tests.simulation.log import Log
from tests.simulation.states import MemoryStates, StateServer


class TestMemoryBus(BusContract):
    # These start another process, which cannot see this one's memory.
    test_a_waiting_poll_sees_what_another_process_appends = None  # type: ignore[assignment] # not a test here
    test_what_publish_has_returned_for_survives_a_killed_process = None  # type: ignore[assignment] # as above
    test_two_processes_that_append_at_once_lose_nothing_and_keep_their_order = None  # type: ignore[assignment] # as above
    # It connects to an address a second time.
    test_every_client_knows_a_topic_by_the_same_identity_for_ever = None  # type: ignore[assignment] # as above

    @pytest.fixture
    async def bus(self) -> AsyncIterator[Bus]:
        bus = MemoryBus(Log(WallClock()))
        yield bus
        await bus.close()

    async def delete_before(self, bus: Bus, shard: Shard, offset: int) -> None:
        assert isinstance(bus, MemoryBus)
        bus.log.first[shard] = offset


class TestMemoryStates(StateStoreContract):
    # These connect to an address a second time, or start another process.
    test_the_head_comes_back_as_it_was_stored_also_to_another_process = None  # type: ignore[assignment] # not a test here
    test_of_writers_who_saw_the_same_head_exactly_one_wins_also_when_the_offset_stands = None  # type: ignore[assignment] # as above
    test_a_process_killed_in_the_middle_of_committing_leaves_whole_commits_only = None  # type: ignore[assignment] # as above
    test_which_log_the_offsets_are_of_is_kept_for_each_topic_also_for_another_process = None  # type: ignore[assignment] # as above

    @pytest.fixture
    async def states(self) -> AsyncIterator[StateStore]:
        states = MemoryStates(StateServer())
        yield states
        await states.close()
