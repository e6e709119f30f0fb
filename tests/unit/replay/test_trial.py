"""The catalogue of a trial: what a CSV brings, made enough to be judged."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest

from catalogue.domain.submission import Submission, SubmittedDefinition
from catalogue.domain.validation import faults
from shared.contracts.definitions import Agreement, AnyDefinition, Calendar, Council, Service, Target
from shared.contracts.items import TicketOpened
from shared.holidays import shipped_holidays
from tallystick.replay.mapping import read_mapping, shipped_mappings
from tallystick.replay.targets import UnusableTemplate
from tallystick.replay.trial import trial_definitions
from tests.support.replays import READINGS, TICKETS, changed, mapping_of, replay
from tests.support.shipped_exports import sample

TRIAL = changed(
    TICKETS,
    {
        "service: {constant: ict}": """
service: {column: type}
lookups: {rules: {key: type}}
trial:
  title: Trial
  provider: {id: desk, name: Desk}
  councils: [{id: adur, name: Adur District Council, gss: E07000223, nation: england}]
  targets_from:
    lookup: rules
    service: type
    choose: form
    skip: [Odd]
    templates:
      hours: {measure: response-time, within: "{amount} hours"}
      days: {measure: resolution-time, within: "{amount} days"}
"""
    },
)
CSV = "number,council,opened,resolved,type\n1,Worthing,2026-03-27T16:59:00,,Lost Key\n2,adur,2026-03-27T16:59:00,,PC\n"
RULES = "type,form,amount\nLost Key,hours,4\nPC,none,4\nRoof,days,4\nOdd,days,0\n"

Kind = TypeVar("Kind")


def definitions(folder: Path, *, csv: str = CSV, rules: str = RULES) -> list[AnyDefinition]:
    (folder / "export.csv").write_text(csv, encoding="utf-8")
    return trial_definitions(mapping_of(folder, TRIAL, rules=rules), folder / "export.csv")


def of(kind: type[Kind], found: list[AnyDefinition]) -> dict[str, Kind]:
    return {definition.id: definition for definition in found if isinstance(definition, kind)}


def test_councils_and_services_of_the_file_are_defined_by_the_ids_of_its_events(tmp_path: Path) -> None:
    found = definitions(tmp_path)
    replayed = replay(tmp_path, TRIAL, CSV, rules=RULES)

    assert {timed.key.split(":")[0] for timed in replayed.timed} == set(of(Council, found)) == {"adur", "worthing"}
    assert (
        {event.data.service for event in replayed.events if isinstance(event, TicketOpened)}
        == set(of(Service, found))
        == {"lost-key", "pc"}
    )


def test_a_listed_council_is_taken_as_it_is_and_another_has_no_gss_code(tmp_path: Path) -> None:
    councils = of(Council, definitions(tmp_path))

    assert councils["adur"].gss == "E07000223"
    assert (councils["worthing"].name, councils["worthing"].gss) == ("Worthing", None)


def test_each_council_has_one_agreement_with_a_target_for_each_service_that_has_a_rule(tmp_path: Path) -> None:
    agreements = of(Agreement, definitions(tmp_path))

    assert set(agreements) == {"adur", "worthing"}
    assert agreements["adur"].targets == (
        Target(id="lost-key", service="lost-key", measure="response-time", within="4 hours"),
    )


def test_a_rule_that_makes_no_target_is_reported_with_its_row(tmp_path: Path) -> None:
    with pytest.raises(
        UnusableTemplate, match="lookup 'rules', row 'Roof': #/within: expected a duration like '8 working hours'"
    ):
        definitions(tmp_path, rules="type,form,amount\nRoof,days,0\n")


@pytest.mark.parametrize(
    ("zone", "within", "calendar"),
    [
        ("America/New_York", "5 days", "every-day-america-new-york"),
        ("America/New_York", "5 hours", None),
        ("Europe/London", "5 days", None),
    ],
)
def test_days_of_a_trial_are_those_of_the_mappings_zone(
    zone: str, within: str, calendar: str | None, tmp_path: Path
) -> None:
    trial = f"""
trial:
  title: Trial
  provider: {{id: desk, name: Desk}}
  targets: [{{id: fix, service: ict, measure: resolution-time, within: {within}}}]
"""
    mapping = mapping_of(tmp_path, changed(TICKETS, {"Europe/London": zone}) + trial)
    (tmp_path / "export.csv").write_text(CSV, encoding="utf-8")

    found = trial_definitions(mapping, tmp_path / "export.csv")

    (target,) = of(Agreement, found)["adur"].targets
    assert target.calendar == calendar
    assert {name: each.zone for name, each in of(Calendar, found).items()} == (
        {} if calendar is None else {calendar: zone}
    )
    submission = Submission([SubmittedDefinition(definition) for definition in found])
    assert faults(submission, {}, shipped_holidays(), datetime(2026, 4, 1, tzinfo=UTC)) == []


def test_a_name_that_translating_refuses_is_not_defined(tmp_path: Path) -> None:
    found = definitions(tmp_path, csv=CSV + "3,Adur!,2026-03-27T16:59:00,,—\n")

    assert set(of(Council, found)) == {"adur", "worthing"}
    assert set(of(Service, found)) == {"lost-key", "pc"}


def test_without_a_trial_nothing_is_defined(tmp_path: Path) -> None:
    assert trial_definitions(mapping_of(tmp_path, TICKETS), tmp_path / "absent.csv") == []


SAMPLES = {
    "boston-311": "case_enquiry_id,open_dt,target_dt,closed_dt,type,department,neighborhood,source\n"
    "1,2015-01-02T10:00:00,2015-01-05T10:00:00,,Lost Key,A_1,Centre,Call\n",
    "boston-311-rules": "case_enquiry_id,open_dt,closed_dt,type,department,neighborhood,source\n"
    "1,2015-01-02T10:00:00,,Lost Key,A_1,Centre,Call\n",
    "coselog-receipt": "case_id,channel,department,startdate,enddate,deadline\n"
    "case-1,Desk,General,2011-10-11T13:42:22.688+02:00,,2011-12-06T13:41:31.788+01:00\n",
    "helpdesk-italy": "case_id,activity,timestamp,customer,product,seriousness,service_level\n"
    "Case 1,Wait,2012-10-09T14:50:17+00:00,Value 1,Value 1,Value 1,Value 1\n",
    "request-for-payment": "case_id,activity,timestamp,org_unit\n"
    "1,Request For Payment SUBMITTED by EMPLOYEE,2017-01-09T09:17:18,unit 1\n",
    "uk-council-payments": "council,payment_date\nleeds,2018-04-03\n",
}


@pytest.mark.parametrize("name", shipped_mappings())
def test_the_catalogue_takes_every_shipped_trial_without_a_fault(name: str, tmp_path: Path) -> None:
    path = _export(name, tmp_path)
    (tmp_path / "rules.csv").write_text(
        "type,better_rule,mode_business_days,mode_calendar_days\nLost Key,bd,3,5\n", encoding="utf-8"
    )
    mapping = read_mapping(name, lookups={"rules": tmp_path / "rules.csv"} if name == "boston-311-rules" else {})

    found = trial_definitions(mapping, path)

    submission = Submission([SubmittedDefinition(definition) for definition in found])
    assert faults(submission, {}, shipped_holidays(), datetime(2026, 4, 1, tzinfo=UTC)) == []
    assert of(Agreement, found)


def _export(name: str, folder: Path) -> Path:
    """A file that the shipped mapping reads."""
    if name not in SAMPLES:
        return sample(name, folder)
    (folder / "export.csv").write_text(SAMPLES[name], encoding="utf-8")
    return folder / "export.csv"


def test_the_city_is_shut_on_its_holidays(tmp_path: Path) -> None:
    (tmp_path / "rules.csv").write_text("type,better_rule,mode_business_days,mode_calendar_days\n", encoding="utf-8")
    trial = read_mapping("boston-311-rules", lookups={"rules": tmp_path / "rules.csv"}).content.trial

    (calendar,) = trial.calendars if trial else ()
    assert isinstance(calendar, Calendar)
    assert all(day.weekday() < 5 for day in calendar.closed), "a holiday at a weekend is kept on a working day"
    assert len(calendar.closed) == 22


@pytest.mark.parametrize(("unit", "named"), [("unit: gbp\n", "gbp"), ("", "reading")])
def test_a_service_that_readings_name_is_billed_in_their_unit(unit: str, named: str, tmp_path: Path) -> None:
    trial = "trial:\n  title: Trial\n  provider: {id: desk, name: Desk}\n"
    (tmp_path / "export.csv").write_text("council,paid,lines\nadur,2026-03-02,5\n", encoding="utf-8")

    found = of(Service, trial_definitions(mapping_of(tmp_path, READINGS + unit + trial), tmp_path / "export.csv"))

    assert (found["accounts-payable"].unit, found["accounts-payable"].counted_by) == (named, "readings")
