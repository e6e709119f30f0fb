"""A tenth of the full run, on real servers."""

from pathlib import Path

from tests.chaos.run import FULL, run

SEED = 20261123


def test_nothing_is_lost_or_doubled_whatever_is_killed_frozen_cut_or_restarted(
    tmp_path: Path, docker_engine: None
) -> None:
    report = run(FULL.share(0.1), seed=SEED, folder=tmp_path)

    assert report.faults == [], str(report)
