"""A commit of which Redis holds only the first commands, as two crashes with a cut file can leave it behind."""

from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest

from tests.integration.test_redis_lost import NEXT_DAY, NOON, begin, effects, items, undisturbed
from tests.support.crashing_redis import CrashingRedis, crashing_redis
from tests.support.monitoring import monitor

pytestmark = pytest.mark.anyio


@pytest.fixture
def server(docker_engine: None) -> Iterator[CrashingRedis]:
    with crashing_redis() as server:
        yield server


async def test_a_commit_cut_after_any_of_its_commands_costs_nothing_but_reading_again(
    tmp_path: Path, server: CrashingRedis
) -> None:
    expected = await undisturbed(tmp_path / "undisturbed")
    async with monitor(tmp_path / "stopped", now=NOON, state_url=server.url) as on:
        await begin(on)
    commits = server.commits()
    at = next(at for at, commit in enumerate(commits) if any(command[1].endswith(b":due") for command in commit))
    before = [command for commit in commits[:at] for command in commit]
    cut = commits[at]

    for held in range(1, len(cut)):
        folder = tmp_path / str(held)
        copytree(tmp_path / "stopped", folder)
        server.put([*before, *cut[:held]])
        async with monitor(folder, now=NEXT_DAY, state_url=server.url) as on:
            await on.wait_until_idle()
            assert (effects(folder), await items(server.url)) == expected, f"the last that is held: {cut[held - 1][:2]}"
