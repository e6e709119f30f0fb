"""Every service keeps to its description, whatever it is asked, by whoever may all and by nobody."""

import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import schemathesis
import uvicorn
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    missing_required_header,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.support.described_apis import HEADERS, SERVICES, described
from tests.support.laws import EXAMPLES
from tests.support.service_process import eventually

# Not that valid data is accepted: no schema says which cursor, hash or event of whose source is acceptable.
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    missing_required_header,
    unsupported_method,
]
quickly = settings(
    max_examples=max(1, EXAMPLES // 250), deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module")
def apis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, BaseSchema]]:
    with described(tmp_path_factory.mktemp("described")) as found:
        yield found


def operations(api: BaseSchema) -> list[APIOperation[Any, Any, Any, Any]]:
    found = list(api.get_all_operations())
    right = [each for each in found if isinstance(each, Ok)]
    assert len(right) == len(found)
    return [each.ok() for each in right]


def faults_of(api: BaseSchema, mode: GenerationMode, headers: dict[str, str]) -> dict[str, str]:
    """What is wrong with an answer, by the operation that gave it."""
    faults = {}
    for operation in operations(api):

        @quickly
        @given(operation.as_strategy(mode))
        def ask(case: schemathesis.Case[Any]) -> None:
            case.call_and_validate(headers=headers, checks=CHECKS)

        try:
            ask()
        except Unsatisfiable:
            assert mode is GenerationMode.NEGATIVE  # of a request without parameters and body nothing can be invalid
        except FailureGroup as found:
            faults[operation.label] = "; ".join(map(str, found.exceptions))
    return faults


@pytest.mark.parametrize("mode", list(GenerationMode), ids=str)
@pytest.mark.parametrize("name", SERVICES)
def test_every_answer_is_one_that_the_description_has(
    apis: dict[str, BaseSchema], name: str, mode: GenerationMode
) -> None:
    assert len(operations(apis[name])) > 30
    assert faults_of(apis[name], mode, HEADERS) == {}


@pytest.mark.parametrize("name", SERVICES)
def test_nobody_gets_an_answer_without_the_credentials_that_the_description_asks_for(
    apis: dict[str, BaseSchema], name: str
) -> None:
    for operation in operations(apis[name]):
        named = [each["name"] for each in operation.definition.raw.get("parameters", ()) if each["in"] == "path"]
        refused = operation.Case(path_parameters=dict.fromkeys(named, "x")).call()

        assert operation.definition.raw["security"] == [] or refused.status_code == 401, operation.label
        operation.validate_response(refused)


@pytest.mark.parametrize("name", SERVICES)
def test_a_method_that_the_description_lacks_is_refused_with_those_that_it_has(
    apis: dict[str, BaseSchema], name: str
) -> None:
    methods: dict[str, set[str]] = defaultdict(set)
    for operation in operations(apis[name]):
        methods[operation.path].add(operation.method.upper())
    client = TestClient(apis[name].app)
    for path, known in methods.items():
        for method in ("GET", "PUT", "POST", "PATCH", "DELETE"):
            if method not in known:
                refused = client.request(method, re.sub(r"\{\w+\}", "x", path), headers=HEADERS)

                assert refused.status_code == 405, (method, path)
                assert known <= set(refused.headers["Allow"].split(", ")), path


@contextmanager
def listening(app: Any) -> Iterator[str]:
    """The address under which the application answers."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = Thread(target=server.run)
    thread.start()
    try:
        eventually(lambda: server.started)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.mark.long
@pytest.mark.parametrize("headers", [HEADERS, {}], ids=["by whoever may all", "by nobody"])
@pytest.mark.parametrize("name", SERVICES)
def test_the_whole_tool_finds_nothing(apis: dict[str, BaseSchema], name: str, headers: dict[str, str]) -> None:
    """With every combination of what the description bounds: missing, too long, of another type, by another method."""
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", "--no-color", "--continue-on-failure"]
    command += ["--phases", "coverage,fuzzing", "-n", "10"]
    command += [part for field, value in headers.items() for part in ("-H", f"{field}: {value}")]
    # No schema says which cursor or event is acceptable; the tool reads one document of YAML, OpenSLO has several.
    command += ["--exclude-checks", "positive_data_acceptance", "--exclude-path", "/v1/openslo"]
    with listening(apis[name].app) as address:
        ended = subprocess.run([*command, f"{address}/openapi.json"], capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stdout[-4_000:]
