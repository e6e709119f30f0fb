"""What the log says of a store that is away."""

from structlog.testing import capture_logs

from shared.running.health import HealthPart
from shared.running.sampling import StoreLog


def test_an_outage_is_a_line_when_it_begins_one_a_minute_and_one_when_it_is_over() -> None:
    at = iter([0.0, 5.0, 64.9, 65.0, 70.0, 75.0])
    outages = StoreLog(now=lambda: next(at))
    away, there = HealthPart(ok=False, detail="no answer within 5 s"), HealthPart(ok=True, detail="answers")

    with capture_logs() as lines:
        for part in (there, away, away, away, there, there):
            outages.note("bus", part)

    assert [(line["event"], line.get("for_s", line.get("after_s"))) for line in lines] == [
        ("store.down", 0),
        ("store.down", 60),
        ("store.up", 65),
    ]
    assert {line["store"] for line in lines} == {"bus"}
