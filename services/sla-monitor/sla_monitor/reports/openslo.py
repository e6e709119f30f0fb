"""Targets as OpenSLO v1 documents: a ratio of verdict counters, by occurrences, over a calendar window.

Source: the OpenSLO specification, apiVersion openslo/v1. A target in working hours is about each item, so what is
counted are verdicts; no query over time could know a bank holiday. Counters never go down: a verdict that was
corrected later is right in /v1/attainment only.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import Any

import yaml
from fastapi import APIRouter
from starlette.responses import Response

from shared.auth.roles import Action
from shared.contracts.definitions import EVERY_SERVICE, Agreement, Objective, Target
from shared.http import RequestedScope, requires
from shared.period import PeriodLength, month_of_day, period_of
from shared.scope import Scope
from sla_monitor.metrics import VERDICTS
from sla_monitor.reports.sources import Sources

API_VERSION = "openslo/v1"
_WINDOWS: dict[PeriodLength, str] = {"month": "1M", "quarter": "1Q", "financial-year": "1Y"}
_LONGEST_NAME = 63
_PLAIN = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_DIGEST = 8

Document = dict[str, Any]
YAML = "application/yaml"  # RFC 9512
TYPES: tuple[type, ...] = ()


def router(sources: Sources) -> APIRouter:
    """`/openslo`."""
    routes = APIRouter(dependencies=[requires(Action.READ_FIGURES)])

    @routes.get("/openslo", response_class=Response, responses={200: {"content": {YAML: {}}}})
    def get_openslo(scope: RequestedScope) -> Response:
        """Every target that has an objective, as OpenSLO v1 documents in one YAML stream."""
        return Response(openslo_yaml(openslo_documents(sources, scope)), media_type=YAML)

    return routes


def openslo_documents(sources: Sources, scope: Scope) -> list[Document]:
    """The targets of the newest version of each agreement in scope."""
    return list(documents(sources.catalogue.agreements(scope)))


def openslo_yaml(held: Iterable[Document]) -> str:
    """The documents as a YAML stream, each after its `---`."""
    return yaml.safe_dump_all(held, sort_keys=False, explicit_start=True, allow_unicode=True)


def documents(agreements: Iterable[Agreement]) -> Iterator[Document]:
    """One SLO for each target that has an objective, in the order given; other targets promise no share."""
    for agreement in agreements:
        for target in agreement.targets:
            if target.objective is not None:
                yield _slo(agreement, target, target.objective)


def resource_name(*parts: str) -> str:
    """A name by the rules of RFC 1123, and another one for other parts: a digest marks what had to be rewritten.

    Two hyphens join the parts: with one, `a-b` and `c` would have the name of `a` and `b-c`.
    """
    given = "--".join(parts)
    if all(map(_PLAIN.fullmatch, parts)) and len(given) <= _LONGEST_NAME:
        return given
    name = re.sub(r"[^a-z0-9]+", "-", given.lower()).strip("-")
    digest = sha256("\x1f".join(parts).encode()).hexdigest()[:_DIGEST]
    return f"{name[: _LONGEST_NAME - _DIGEST - 1].rstrip('-')}-{digest}"


def _slo(agreement: Agreement, target: Target, objective: Objective) -> Document:
    return {
        "apiVersion": API_VERSION,
        "kind": "SLO",
        "metadata": {
            "name": resource_name(agreement.council, agreement.id, target.id),
            "displayName": f"{agreement.title}: {target.id}",
            "labels": {"council": agreement.council, "agreement": agreement.id, "measure": target.measure},
        },
        "spec": {
            "description": f"{objective.percent}% of items: {target.measure}, {target.within}",
            "service": resource_name("all-services" if target.service == EVERY_SERVICE else target.service),
            "indicator": {
                "metadata": {"name": resource_name(agreement.council, agreement.id, target.id, "ratio")},
                "spec": {"ratioMetric": _ratio(agreement, target)},
            },
            "timeWindow": [_window(agreement.effective_from, objective.over)],
            "budgetingMethod": "Occurrences",
            "objectives": [{"displayName": f"{objective.percent}%", "target": _share(objective)}],
        },
    }


def _ratio(agreement: Agreement, target: Target) -> Document:
    labels = {"council": agreement.council, "agreement": agreement.id, "target": target.id}
    if target.service != EVERY_SERVICE:
        labels["service"] = target.service
    return {
        "counter": True,
        "good": _query(labels, 'outcome="met"'),
        "total": _query(labels, 'outcome=~"met|breached"'),
    }


def _query(labels: dict[str, str], outcome: str) -> Document:
    selector = ",".join([*(f'{name}="{value}"' for name, value in sorted(labels.items())), outcome])
    return {"metricSource": {"type": "Prometheus", "spec": {"query": f"sum({VERDICTS.name}{{{selector}}})"}}}


def _window(effective_from: date, over: PeriodLength) -> Document:
    """Aligned to the calendar from the beginning of the period in which the agreement began."""
    first = period_of(month_of_day(effective_from), over).first
    return {
        "duration": _WINDOWS[over],
        "isRolling": False,
        "calendar": {"startTime": f"{first.first_day.isoformat()} 00:00:00", "timeZone": "Europe/London"},
    }


def _share(objective: Objective) -> float:
    """The percentage as the fraction that OpenSLO wants; nothing is ever compared with it."""
    return float(Decimal(objective.percent) / 100)
