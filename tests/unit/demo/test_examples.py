"""The shipped examples: everything named is there, what is real is right, and the rest says that it is illustrative."""

import csv
import gzip
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from catalogue.adapters.partnership_files import load
from catalogue.domain.validation import faults
from shared.contracts.definitions import Agreement, Benefit, Council, Partnership, Service, Tariff
from shared.holidays import shipped_holidays
from tests.support.examples import PARTNERSHIPS, STANDARD, definitions_of, document_of, target_sets_of, text_of

AUTHORITIES = Path(__file__).parents[4] / "shared/data/uk_local_authorities/govuk_local_authorities.csv.gz"

SERVICES = {
    "Finance": ["Accounts payable", "Billing", "Debt administration", "E-procurement"],
    "Human resources": [
        "Absence management recording",
        "Employee records administration",
        "Expense processing",
        "Health and safety administration",
        "Management administration",
        "Payroll",
        "Pensions administration",
        "Recruitment and advertising",
        "Starters and leavers processing",
        "Timesheet processing",
        "Training and development administration",
    ],
    "ICT": ["ICT"],
    "Strategic functions": ["Education department", "Senior management", "Research and development"],
}

COUNCILS = {
    "adur-worthing": {"Adur District Council": "E07000223", "Worthing Borough Council": "E07000229"},
    "chesterfield-bolsover-north-east-derbyshire": {
        "Chesterfield Borough Council": "E07000034",
        "Bolsover District Council": "E07000033",
        "North East Derbyshire District Council": "E07000038",
    },
    "leicestershire-nottingham": {
        "Leicestershire County Council": "E10000018",
        "Nottingham City Council": "E06000018",
    },
    "westminster-hammersmith-fulham": {
        "City of Westminster": "E09000033",
        "London Borough of Hammersmith and Fulham": "E09000013",
    },
}

# Partnership, kind, financial year (None: in all, or not given), pounds, per cent.
BENEFITS = [
    ("adur-worthing", "savings", None, "1000000", None),
    ("adur-worthing", "savings", 2009, "1200000", None),
    ("adur-worthing", "savings", 2010, "2200000", None),
    ("adur-worthing", "savings", None, "6400000", None),
    ("chesterfield-bolsover-north-east-derbyshire", "savings", None, "1500000", None),
    ("chesterfield-bolsover-north-east-derbyshire", "quality", None, None, "54"),
    ("westminster-hammersmith-fulham", "savings", None, "4000000", None),
]


def partnership_of(name: str) -> Partnership:
    return next(each for each in definitions_of(name) if isinstance(each, Partnership))


def agreements_of(name: str) -> list[Agreement]:
    return [each for each in definitions_of(name) if isinstance(each, Agreement)]


def test_every_service_that_councils_are_known_to_share_is_there() -> None:
    found = [(each["group"], each["name"]) for each in document_of(STANDARD)["services"]]

    assert found == [(group, name) for group, names in SERVICES.items() for name in names]


def test_every_service_has_a_tariff_and_a_default_target() -> None:
    standard = document_of(STANDARD)
    services = {each["id"] for each in standard["services"]}

    assert {each["service"] for each in standard["tariffs"]} == services
    assert {each["service"] for targets in standard["target_sets"].values() for each in targets} == services


@pytest.mark.parametrize("name", PARTNERSHIPS)
def test_a_partnership_has_its_councils_under_their_gss_codes(name: str) -> None:
    councils = [each for each in definitions_of(name) if isinstance(each, Council)]

    assert {each.name: each.gss for each in councils} == COUNCILS[name]
    assert {each.nation for each in councils} == {"england"}
    assert list(partnership_of(name).councils) == [each.id for each in councils]


@pytest.mark.real_data
@pytest.mark.skipif(not AUTHORITIES.exists(), reason="../shared/data is not here")
def test_names_and_gss_codes_are_those_that_gov_uk_publishes() -> None:
    with gzip.open(AUTHORITIES, "rt", encoding="utf-8", newline="") as file:
        published = {row["name"].replace("&", "and"): row["gss"] for row in csv.DictReader(file)}

    for councils in COUNCILS.values():
        assert councils.items() <= published.items()


def test_the_benefits_are_the_published_ones_and_no_others() -> None:
    found = [(name, benefit) for name in PARTNERSHIPS for benefit in partnership_of(name).benefits]

    assert [(name, *_promise(benefit)) for name, benefit in found] == BENEFITS
    assert all(benefit.source and benefit.baseline and not benefit.illustrative for _, benefit in found)


def _promise(benefit: Benefit) -> tuple[str, int | None, str | None, str | None]:
    return benefit.kind, benefit.financial_year, benefit.promised_gbp, benefit.promised_percent


def test_leicestershire_provides_for_nottingham_under_its_own_gss_code() -> None:
    document = document_of("leicestershire-nottingham")

    assert {name: document["provider"][name] for name in ("id", "name", "gss")} == {
        "id": "leicestershire-county-council",
        "name": "Leicestershire County Council",
        "gss": "E10000018",
    }
    covered = {tariff for each in agreements_of("leicestershire-nottingham") for tariff in each.tariffs}
    groups = {each.group for each in _services("leicestershire-nottingham") if each.id in covered}
    assert groups == {"Finance", "Human resources", "ICT"}


@pytest.mark.parametrize("name", [STANDARD, *PARTNERSHIPS])
def test_a_file_says_first_of_all_that_its_figures_are_illustrative(name: str) -> None:
    comment = text_of(name).split("\n\n")[0]

    assert comment.startswith("# ")
    assert "illustrative" in comment
    assert document_of(name)["about"]["illustrative"].startswith("Every figure")


@pytest.mark.parametrize("name", PARTNERSHIPS)
def test_every_price_is_labelled_illustrative(name: str) -> None:
    assert all(each.illustrative for each in definitions_of(name) if isinstance(each, Tariff))


@pytest.mark.parametrize("name", PARTNERSHIPS)
def test_no_council_is_promised_a_service_twice(name: str) -> None:
    priced = Counter((each.council, tariff) for each in agreements_of(name) for tariff in each.tariffs)
    promised = Counter((each.council, target.id) for each in agreements_of(name) for target in each.targets)

    assert set(priced.values()) == {1}
    assert set(promised.values()) == {1}


@pytest.mark.parametrize("name", PARTNERSHIPS)
def test_a_council_pays_for_exactly_the_services_that_it_has_targets_for(name: str) -> None:
    for agreement in agreements_of(name):
        assert {target.service for target in agreement.targets} == set(agreement.tariffs)


@pytest.mark.parametrize("name", PARTNERSHIPS)
def test_every_target_set_of_a_partnership_is_used(name: str) -> None:
    document = document_of(name)
    used = {title for entry in document["agreements"] for title in entry["targets"]}

    assert set(document.get("target_sets", {})) <= used <= set(target_sets_of(name))


def _services(name: str) -> list[Service]:
    return [each for each in definitions_of(name) if isinstance(each, Service)]


@pytest.mark.parametrize("name", PARTNERSHIPS)
def test_the_catalogue_finds_no_fault_in_a_partnership(name: str) -> None:
    submission = load(name)

    found = faults(submission, {}, shipped_holidays(), datetime(2026, 11, 23, tzinfo=UTC))
    assert [str(submission.located(fault)) for fault in found] == []


@pytest.mark.parametrize("name", PARTNERSHIPS)
def test_the_catalogue_reads_what_an_independent_reading_finds(name: str) -> None:
    read = {(type(each), each.id): each for each in (placed.definition for placed in load(name).entries)}

    assert read == {(type(each), each.id): each for each in definitions_of(name)}
