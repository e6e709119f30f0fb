"""Every route of the catalogue keeps to its description, whatever it is asked, by whoever may all and by nobody."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.schemas import BaseSchema

from catalogue.app import build
from catalogue.settings import CatalogueSettings
from shared.bus.connect import connect
from shared.clock import WallClock
from shared.contracts.topics import TOPICS
from shared.http import Authentication, create_app
from tests.support.callers import MAY_ALL, SIGNING_KEY
from tests.support.laws import EXAMPLES

CREDENTIALS = {"with every right": MAY_ALL, "without credentials": Authentication()}


@pytest.fixture(scope="module", params=CREDENTIALS)
def api(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BaseSchema]:
    folder: Path = tmp_path_factory.mktemp("catalogue")
    bus = connect(f"sqlite:///{folder}/log.db")
    asyncio.run(bus.ensure_topics(TOPICS))
    app = build(CatalogueSettings(TALLYSTICK_VAR=folder, SIGNING_KEY=SIGNING_KEY), bus=bus, clock=WallClock())
    served = create_app("catalogue", [app.router], authentication=CREDENTIALS[request.param], types=app.types)
    yield schemathesis.openapi.from_asgi("/openapi.json", served)
    asyncio.run(app.close())
    asyncio.run(bus.close())


def test_no_route_fails_whatever_it_is_asked(api: BaseSchema) -> None:
    asked = 0
    for result in api.get_all_operations():
        assert isinstance(result, Ok), result
        operation = result.ok()

        @settings(max_examples=max(2, EXAMPLES // 50), deadline=None, suppress_health_check=list(HealthCheck))
        @given(operation.as_strategy())
        def ask(case: schemathesis.Case[Any]) -> None:
            case.call_and_validate(checks=[not_a_server_error])

        ask()
        asked += 1

    assert asked > 40
