"""The requests on docs/corrections.md are valid."""

import json
import re
from pathlib import Path

from shared.validation import validated
from shared.yaml_values import read_yaml
from sla_monitor.decisions.exclusions import ExclusionProposal
from sla_monitor.trial.draft import Draft

PAGE = (Path(__file__).parents[3] / "docs" / "corrections.md").read_text(encoding="utf-8")


def test_the_page_proposes_an_exclusion() -> None:
    (proposal,) = (json.loads(body) for body in re.findall(r"-d '(\{.*?\})'", PAGE, re.DOTALL))

    assert validated(proposal, ExclusionProposal).exclusion.category == "planned-maintenance"


def test_the_page_shows_a_draft_that_is_read() -> None:
    (draft,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)

    assert [target.within for target in validated(read_yaml(draft).value, Draft).targets] == ["11 working hours"]
