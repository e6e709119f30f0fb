"""A twentieth of the full fault run, and single outages at a small size; `make chaos` and `make measures` have all."""

from pathlib import Path

import pytest

from tests.chaos.measures import SMALL, measured
from tests.chaos.run import FULL, run

SEED = 20261123


def test_nothing_is_lost_or_doubled_whatever_is_killed_frozen_cut_or_restarted(
    tmp_path: Path, docker_engine: None
) -> None:
    report = run(FULL.share(0.05), seed=SEED, folder=tmp_path)

    assert report.faults == [], str(report)


@pytest.mark.long
@pytest.mark.parametrize("name", ["stopped-monitor", "deadlines"])
def test_an_outage_stays_within_its_limits(name: str, tmp_path: Path, docker_engine: None) -> None:
    _, faults = measured(SMALL[name], tmp_path)

    assert faults == []
