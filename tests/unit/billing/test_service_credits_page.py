"""The worked example of docs/service-credits.md is what the code makes of the terms beside it."""

import re
from pathlib import Path

import msgspec
import yaml

from billing.domain.credits.attainment import TargetAttainment
from billing.domain.credits.earned import credit_lines
from billing.domain.credits.reason import reason
from shared.contracts.credit_rules import credit_faults
from shared.contracts.credits import ServiceCredits
from shared.contracts.definitions import Agreement, Objective, Target
from shared.money import format_gbp
from shared.period import Month
from tests.support.credits import AGREEMENT

PAGE = (Path(__file__).parents[3] / "docs" / "service-credits.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([a-z]+)-([a-z]+)` \| (\d+)% \| (\d+) of (\d+) \| .*\|$", re.MULTILINE)


def test_the_worked_example_is_worked_out_from_its_terms() -> None:
    example = PAGE.split("## A worked example")[1]
    terms = msgspec.convert(yaml.safe_load(example.split("```yaml")[1].split("```")[0])["credits"], ServiceCredits)
    ict, payroll, before = (
        int(pounds.replace(",", "").replace(".", "")) for pounds in re.findall(r"£([\d,]+\.\d\d)", example)[:3]
    )
    rows = ROW.findall(example)
    agreement = Agreement(
        id=AGREEMENT,
        council="ashby",
        provider="joint-services",
        title="Shared services",
        targets=tuple(
            Target(
                id=f"{service}-{name}",
                service=service,
                measure="response-time",
                within="4 hours",
                objective=Objective(percent=objective),
            )
            for service, name, objective, _, _ in rows
        ),
        credits=terms,
    )
    attained = [
        TargetAttainment(int(row[3]), int(row[4]), agreement=AGREEMENT, service=row[0], target=f"{row[0]}-{row[1]}")
        for row in rows
    ]

    lines = credit_lines(
        agreement,
        attained,
        {"ict": ict, "payroll": payroll},
        month=Month(2026, 2),
        credited_before_pence=before,
    )

    assert list(credit_faults(agreement)) == []
    assert [
        f"| `{line.target}` | {line.objective.percent}% | {line.attained.good} of {line.attained.total} "
        f"| {format_gbp(line.earned_pence)} | {format_gbp(line.applied_pence)} | {reason(line)} |"
        for line in lines
    ] == [found[0] for found in re.finditer(ROW, example)]
