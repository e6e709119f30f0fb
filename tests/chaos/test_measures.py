"""Single outages at a size that CI can bear; `make measures` has them at full size."""

from pathlib import Path

import pytest

from tests.chaos.measures import SMALL, measured


@pytest.mark.parametrize("name", ["stopped-monitor", "deadlines"])
def test_an_outage_stays_within_its_limits(name: str, tmp_path: Path, docker_engine: None) -> None:
    _, faults = measured(SMALL[name], tmp_path)

    assert faults == []
