"""Requests, as Prometheus reads them: few labels, whatever is asked for."""

from collections.abc import Iterator

import pytest
from fastapi import APIRouter
from prometheus_client import CollectorRegistry
from starlette.responses import StreamingResponse
from starlette.testclient import TestClient

from shared.auth.roles import Action
from shared.http import create_app
from shared.http.access import requires
from shared.http.event_stream import EVENT_STREAM
from shared.metrics.http import MeasuredHttp
from tests.support.callers import MAY_ALL


def router() -> APIRouter:
    councils = APIRouter(prefix="/councils", dependencies=[requires(Action.READ_FIGURES)])

    @councils.get("/{council}")
    def council(council: str) -> str:
        return council

    @councils.get("/{council}/broken")
    def broken(council: str) -> str:
        raise RuntimeError(council)

    versioned = APIRouter(prefix="/v1")
    versioned.include_router(councils)
    return versioned


@pytest.mark.parametrize(
    ("method", "path", "labels"),
    [
        ("GET", "/v1/councils/adur", ("GET", "/v1/councils/{council}", "200")),
        ("GET", "/v1/councils/adur/broken", ("GET", "/v1/councils/{council}/broken", "500")),
        ("GET", "/v1/nowhere/adur", ("GET", "none", "404")),
        ("DELETE", "/v1/councils/adur", ("DELETE", "/v1/councils/{council}", "405")),
        ("BREW", "/v1/nowhere", ("other", "none", "404")),
    ],
)
def test_a_request_is_counted_by_its_route_and_never_by_its_path(
    method: str, path: str, labels: tuple[str, str, str]
) -> None:
    registry = CollectorRegistry()
    client = TestClient(
        MeasuredHttp(create_app("Councils", [router()], authentication=MAY_ALL), registry),
        raise_server_exceptions=False,
    )

    client.request(method, path)

    counted = [
        (sample.labels["method"], sample.labels["route"], sample.labels["status"])
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == "tallystick_http_request_duration_seconds_count"
    ]
    assert counted == [labels]


def test_the_first_failure_of_a_route_is_an_increase_from_0() -> None:
    registry = CollectorRegistry()
    client = TestClient(
        MeasuredHttp(create_app("Councils", [router()], authentication=MAY_ALL), registry),
        raise_server_exceptions=False,
    )
    labels = {"method": "GET", "route": "/v1/councils/{council}/broken"}
    before = registry.get_sample_value("tallystick_http_errors_total", labels)

    client.get("/v1/councils/adur/broken")
    client.get("/v1/councils/adur")
    client.get("/v1/nowhere")

    assert (before, registry.get_sample_value("tallystick_http_errors_total", labels)) == (0, 1)
    fine = registry.get_sample_value("tallystick_http_errors_total", labels | {"route": "/v1/councils/{council}"})
    assert fine == 0


def test_how_long_somebody_watches_a_page_is_no_slow_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 0.0
    monkeypatch.setattr("shared.metrics.http.perf_counter", lambda: now_s)
    routes, registry = APIRouter(dependencies=[requires(Action.READ_FIGURES)]), CollectorRegistry()

    def watched(media_type: str) -> StreamingResponse:
        def parts() -> Iterator[str]:
            nonlocal now_s
            yield "data: 1\n\n"
            now_s += 600

        return StreamingResponse(parts(), media_type=media_type)

    routes.add_api_route("/stream", lambda: watched(EVENT_STREAM))
    routes.add_api_route("/file", lambda: watched("text/csv"))
    client = TestClient(MeasuredHttp(create_app("Pages", [routes], authentication=MAY_ALL), registry))

    client.get("/stream")
    client.get("/file")

    took = [
        registry.get_sample_value(
            "tallystick_http_request_duration_seconds_sum", {"method": "GET", "route": route, "status": "200"}
        )
        for route in ("/stream", "/file")
    ]
    assert took == [0, 600]
