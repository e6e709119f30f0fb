"""Prometheus's own test tool runs the cases of every alert: what fires, with which words, and what does not."""

import re
from pathlib import Path

import pytest
import yaml

from sla_monitor.domain.budget import MIN_MISSES, WORKING_WINDOWS
from tests.support import alert_cases_of_councils, alert_cases_of_services, alert_cases_of_statements
from tests.support.alerts import ROOT, AlertCase, alerts, run_promtool

CASES = (*alert_cases_of_councils.CASES, *alert_cases_of_services.CASES, *alert_cases_of_statements.CASES)
RULES = {rule["alert"]: rule for rule in alerts()}
NAMES = [case.alert for case in CASES]
PROMETHEUS_IMAGE: str = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"][
    "prometheus"
]["image"]
# An increase is seen from the second sample on: these counters are exported from 0, which test_monitor_figures and
# test_metric_lists prove.
READ_COUNTERS = {"BatchesRetried", "EventLoopBlocked", "AnswersFailing"}
# What they watch is how instances come and go, and nothing at all.
READ_NO_STATE = {"InstanceRestarting", "Watchdog"}


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    assert {case.alert for case in CASES if case.fires} == RULES.keys()
    assert {case.alert for case in CASES if not case.fires} == RULES.keys() - {"Watchdog"}


def test_every_alert_that_reads_a_state_fires_for_a_series_that_is_born_with_it() -> None:
    born = {case.alert for case in CASES if case.is_born and case.fires}

    assert born == RULES.keys() - READ_COUNTERS - READ_NO_STATE
    for name in READ_COUNTERS:
        assert re.search(r"\b(rate|increase)\(", RULES[name]["expr"])


def test_the_burn_rates_that_alert_are_those_of_the_monitors_report() -> None:
    expr = RULES["HighBurnRate"]["expr"]
    found = {int(days): float(rate) for days, rate in re.findall(r'window="(\d+)d"} >= ([\d.]+)', expr)}

    assert found == {each.working_days: each.factor_tenths / 10 for each in WORKING_WINDOWS}
    assert f"tallystick_missed:items >= {MIN_MISSES}" in expr


@pytest.mark.docker
def test_every_alert_fires_when_it_should_and_only_then(docker_engine: None, tmp_path: Path) -> None:
    assert run_promtool(PROMETHEUS_IMAGE, tmp_path, CASES) == ""


@pytest.mark.docker
def test_a_case_that_does_not_hold_is_found(docker_engine: None, tmp_path: Path) -> None:
    wrong = AlertCase(name="silent", alert="Watchdog", series={}, at="1m")

    assert "Alerts arrive" in run_promtool(PROMETHEUS_IMAGE, tmp_path, [wrong])
