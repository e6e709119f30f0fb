"""Targets as OpenSLO v1, and attainment as a CSV that no spreadsheet runs."""

import csv
import io
from datetime import date

import pytest
import yaml

from shared.csv_cells import csv_table
from sla_monitor.reports.attainment import AttainmentResult
from sla_monitor.reports.openslo import documents, openslo_yaml, resource_name
from tests.support.definitions import agreement, objective, target


def test_a_target_with_an_objective_is_a_ratio_of_verdicts_over_a_calendar_window() -> None:
    promised = target(objective=objective(percent="99.5"))
    (document,) = documents([agreement(effective_from=date(2026, 2, 15), targets=(promised, target(id="plain")))])

    assert document == {
        "apiVersion": "openslo/v1",
        "kind": "SLO",
        "metadata": {
            "name": "adur--a1--t",
            "displayName": "Payroll: t",
            "labels": {"council": "adur", "agreement": "a1", "measure": "processing-time"},
        },
        "spec": {
            "description": "99.5% of items: processing-time, 5 working days",
            "service": "payroll",
            "indicator": {
                "metadata": {"name": "adur--a1--t--ratio"},
                "spec": {
                    "ratioMetric": {
                        "counter": True,
                        "good": _source('agreement="a1",council="adur",service="payroll",target="t",outcome="met"'),
                        "total": _source(
                            'agreement="a1",council="adur",service="payroll",target="t",outcome=~"met|breached"'
                        ),
                    }
                },
            },
            "timeWindow": [
                {
                    "duration": "1M",
                    "isRolling": False,
                    "calendar": {"startTime": "2026-02-01 00:00:00", "timeZone": "Europe/London"},
                }
            ],
            "budgetingMethod": "Occurrences",
            "objectives": [{"displayName": "99.5%", "target": 0.995}],
        },
    }
    assert list(yaml.safe_load_all(openslo_yaml([document, document]))) == [document, document]


def _source(selector: str) -> dict[str, object]:
    query = f"sum(tallystick_verdicts_total{{{selector}}})"
    return {"metricSource": {"type": "Prometheus", "spec": {"query": query}}}


@pytest.mark.parametrize(
    ("over", "duration", "start"),
    [("month", "1M", "2026-02-01"), ("quarter", "1Q", "2026-01-01"), ("financial-year", "1Y", "2025-04-01")],
)
def test_windows_begin_where_the_period_of_the_agreement_began(over: str, duration: str, start: str) -> None:
    promised = target(objective=objective(over=over))
    (document,) = documents([agreement(effective_from=date(2026, 2, 15), targets=(promised,))])
    (window,) = document["spec"]["timeWindow"]

    assert (window["duration"], window["calendar"]["startTime"]) == (duration, f"{start} 00:00:00")


@pytest.mark.parametrize(
    "parts", [("Adur", "t"), ("adur", "t_1"), ("adur", "t.1"), ("a" * 64, "b" * 64), ("adur-", "t")]
)
def test_a_name_that_rfc_1123_does_not_allow_becomes_one_that_is_still_its_own(parts: tuple[str, str]) -> None:
    name = resource_name(*parts)

    assert len(name) <= 63
    assert name.replace("-", "").isalnum()
    assert name == name.lower() == name.strip("-")
    assert name != resource_name(parts[0].lower(), "t-1")


def test_targets_of_one_id_in_two_agreements_have_names_and_counts_of_their_own() -> None:
    promised = target(id="resolution", objective=objective())
    ordinary, strict = documents([agreement("a1", targets=(promised,)), agreement("a2", targets=(promised,))])

    assert ordinary["metadata"]["name"] != strict["metadata"]["name"]
    assert ordinary["spec"]["indicator"] != strict["spec"]["indicator"]
    assert 'agreement="a2"' in str(strict["spec"]["indicator"])


def test_where_a_hyphen_belongs_to_is_part_of_a_name() -> None:
    assert resource_name("adur-ict", "desk", "t") != resource_name("adur", "ict-desk", "t")


def test_attainment_as_csv_has_the_names_of_the_json_and_guards_its_text() -> None:
    row = AttainmentResult(
        "adur", "=cmd", "a", "t", "x", "2026-03", False, 9, 10, 0, 0, "count", "90.0", None, "missed", -1, 0
    )

    (read,) = csv.DictReader(io.StringIO(csv_table(AttainmentResult, [row])))

    assert list(read) == list(AttainmentResult.__struct_fields__)
    assert (read["service"], read["good"], read["objective_percent"], read["misses_remaining"]) == (
        "'=cmd",
        "9",
        "",
        "-1",
    )
