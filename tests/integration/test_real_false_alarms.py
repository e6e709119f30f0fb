"""How often honest texts are taken for personal data: never, in public exports and in definitions made of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from catalogue.domain.privacy_rules import personal_data_faults
from shared.contracts.definitions import AnyDefinition
from shared.contracts.personal_data import kind_of
from tests.support.definitions import agreement, council, service, tariff
from tests.support.real_data import BOSTON, COUNCILS, LOCAL_SERVICES, NEEDS_REAL_DATA, every_table, rows

pytestmark = [*NEEDS_REAL_DATA, pytest.mark.long]

PAGE = (Path(__file__).parents[2] / "docs/privacy.md").read_text(encoding="utf-8")


def definitions() -> Iterator[AnyDefinition]:
    """A council of every name that one has or had, and a service, tariff and agreement for every kind of request."""
    for name in {row[column] for row in rows(COUNCILS) for column in ("official-name", "nice-name")}:
        yield council(name=name)
    named = {row["Description"] for row in rows(LOCAL_SERVICES)}
    for name in named | {row[column] for row in rows(BOSTON) for column in ("type", "reason", "queue", "department")}:
        yield from (service(name=name), tariff(name=name), agreement(title=name))


def test_no_field_of_a_public_export_looks_like_personal_data() -> None:
    tables = every_table()
    fields, texts = 0, set[str]()
    for table in tables:
        for row in rows(table):
            fields += len(row)
            texts.update(row.values())

    refused = {text: kind_of(text) for text in texts if kind_of(text) is not None}

    assert refused == {}
    assert f"in the {fields:,} fields of {len(tables)} public exports ({len(texts):,} different texts)" in one_line(
        PAGE
    )


def test_no_definition_of_public_names_looks_like_personal_data() -> None:
    found = list(definitions())

    refused = [each for each in found if list(personal_data_faults(each))]

    assert refused == []
    assert f"of {len(found):,} definitions" in one_line(PAGE)


def one_line(text: str) -> str:
    return " ".join(text.split())
