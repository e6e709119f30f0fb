"""What is logged is one line, and holds neither local variables nor what they hold."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from shared.running.logs import configure_logs

SECRET = "bearer-1f9c"  # noqa: S105 (stands for a header that must not be logged)


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    """Where logs go, configured for the test and put back afterwards."""
    handlers, level = logging.root.handlers[:], logging.root.level
    stream = io.StringIO()
    configure_logs("info", stream=stream)
    yield stream
    structlog.reset_defaults()
    logging.root.handlers[:], logging.root.level = handlers, level


def fail_with(authorization: str) -> None:
    headers = {"authorization": authorization}
    raise RuntimeError(f"{len(headers)} header")


def test_a_failure_is_one_line_with_its_place_and_without_local_variables(output: io.StringIO) -> None:
    try:
        fail_with(SECRET)
    except RuntimeError:
        structlog.get_logger().exception("request.failed")

    (line,) = output.getvalue().splitlines()
    assert json.loads(line)["event"] == "request.failed"
    assert "fail_with" in json.loads(line)["exception"]
    assert SECRET not in line


def test_libraries_log_from_warnings_on_and_in_the_same_form(output: io.StringIO) -> None:
    logging.getLogger("aiokafka").info("joined")
    logging.getLogger("aiokafka").warning("lost a broker")

    (line,) = output.getvalue().splitlines()
    assert json.loads(line) | {"timestamp": ""} == {
        "event": "lost a broker",
        "level": "warning",
        "logger": "aiokafka",
        "timestamp": "",
    }
