"""Partnership files: shorthand expanded, and every fault with the line where it is written."""

from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import get_args

import pytest
import yaml

from catalogue.adapters.partnership_files import UnknownPartnershipFile, example_names, load, parse
from catalogue.domain import validation
from catalogue.domain.submission import Submission
from shared.contracts.definitions import Agreement, Tariff
from shared.contracts.meters import MeteredType
from shared.holidays import shipped_holidays
from shared.yaml_values import read_yaml

AT = datetime(2026, 4, 1, 9, tzinfo=UTC)

HEAD = """
provider: {id: joint, name: Joint officers}
councils:
  - {id: adur, name: Adur District Council, gss: E07000223, nation: england}
  - {id: worthing, name: Worthing Borough Council, gss: E07000229, nation: england}
calendars:
  - {id: office, name: Office, weekly: {mon: ["09:00-17:00"]}}
services:
  - {id: payroll, name: Payroll, group: HR, counted_by: readings, unit: payslip, unit_name: payslip}
"""

FAULTY = """\
about: {title: Faulty}
provider: {id: joint, name: Joint officers, phone: 123}
partnerships: []
councils:
  - {id: adur, name: Adur District Council, gss: W07000223, nation: england}
  - {id: wor thing, name: Worthing, gss: E0700022, nation: england}
  - id: ending
    name: Ending
    id: again
    effective_from: 2026-04-01
    effective_to: 2026-04-01
calendars:
  - id: never
    name: Never open
    weekly: {mon: []}
  - id: office
    name: Office
    zone: Europe/Londno
    weekly:
      mon: ["9-5"]
services:
  - {id: payroll, name: Payroll, group: HR, counted_by: readings, unit: payslip, unit_name: payslip}
  - {id: payroll, name: Payroll, group: HR, counted_by: readings, unit: payslip, unit_name: payslip}
tariffs:
  - id: payroll
    service: payroll
    name: Payroll
    charges:
      - kind: graduated
        name: Payslips
        tiers:
          - {price_gbp: "2.00", up_to: 100}
          - {price_gbp: "1.00", up_to: 100}
          - {price_gbp: 0.50, up_to: 300}
  - id: tiers
    service: pay-roll
    name: Tiers
    charges:
      - kind: graduated
        name: Payslips
        tiers:
          - {price_gbp: "2.00", up_to: 100}
          - {price_gbp: "1.00", up_to: 50}
          - {price_gbp: "0.50", up_to: 300}
target_sets:
  standard:
    - id: response
      service: payroll
      measure: response-time
      within: 8 working hours
    - id: uptime
      service: payroll
      measure: availability
      within: 4 hours
      paused_by: [council]
agreements:
  - id: one
    councils: [adur, worthin]
    provider: joined
    title: One
    targets: [standard, standrad]
    tariffs: [tiers]
"""


def faults_of(text: str) -> list[str]:
    submission = parse(text.encode())
    found = [submission.located(fault) for fault in validation.faults(submission, {}, shipped_holidays(), AT)]
    return sorted(f"{fault.position} {fault.fault}" for fault in found)


def agreements_of(submission: Submission) -> list[Agreement]:
    return [placed.definition for placed in submission.entries if isinstance(placed.definition, Agreement)]


def test_a_faulty_file_lists_all_its_faults_each_with_its_line() -> None:
    assert faults_of(FAULTY) == sorted(
        f"line {line}, column {column} {message}"
        for line, column, message in [
            (2, 45, "#/provider/phone: is not a known field"),
            (3, 1, "#/partnerships: is no section of a partnership file: did you mean partnership?"),
            (5, 45, "#/councils/0/gss: expected a code that begins with E, as those of england do"),
            (6, 6, "#/councils/1/id: expected 1 to 64 of A-Z a-z 0-9 _ . - and no personal data"),
            (6, 37, "#/councils/1/gss: expected ONS code, nine characters"),
            (9, 5, "#/councils/2/id/again: is a repeated key: it is on line 7 already"),
            (11, 5, "#/councils/2/effective_to: expected a date after effective_from"),
            (15, 5, "#/calendars/0/weekly: never opens: no hours remain when closed dates and breaks are taken out"),
            (20, 13, "#/calendars/1/weekly/mon/0: expected local wall time, end excluded: 09:00-17:00"),
            (23, 6, "#/services/1/id: another service of this input has the same id"),
            (
                34,
                14,
                "#/tariffs/0/charges/0/tiers/2/price_gbp: expected pounds as a decimal string: '0.0375'"
                " (text: put it in quotes)",
            ),
            (36, 5, "#/tariffs/1/service: is no known service: did you mean payroll?"),
            (43, 33, "#/tariffs/1/charges/0/tiers/1/up_to: expected more than the bound of the tier before"),
            (44, 33, "#/tariffs/1/charges/0/tiers/2/up_to: the last tier must be open: units above have no price"),
            (47, 7, "#/target_sets/standard/0/calendar: is missing: working time is counted in a calendar's hours"),
            (51, 7, "#/target_sets/standard/1/objective: is missing: availability is a share of the period"),
            (55, 7, "#/target_sets/standard/1/paused_by: has no meaning for availability"),
            (58, 22, "#/agreements/0/councils/1: is no known council: did you mean wor thing?"),
            (59, 5, "#/agreements/0/provider: is no known provider: did you mean joint?"),
            (61, 25, "#/agreements/0/targets/1: is no target set of this file: did you mean standard?"),
        ]
    )


METERED = """
services:
  - id: payroll
    name: Payroll
    group: HR
    unit: payslip
    unit_name: payslip
    counted_by:
      event: tallystick.usage.recorded.v1
      aggregate: count
      of: seats
      once_per_item: true
      divide_by: "0"
  - id: hours
    name: Hours
    group: HR
    unit: hour
    unit_name: hour
    counted_by: {event: tallystick.usage.recorded.v2, aggregate: sum, divide_by: 60, rounded: up}
  - {id: ict, name: ICT, group: ICT, counted_by: tickets-solved, unit: ticket, unit_name: ticket}
"""


def test_a_faulty_meter_is_refused_with_all_its_faults() -> None:
    assert faults_of(METERED) == sorted(
        f"line {line}, column {column} {message}"
        for line, column, message in [
            (
                11,
                7,
                "#/services/0/counted_by/of: has no effect: count counts events: leave it out",
            ),
            (12, 7, "#/services/0/counted_by/once_per_item: has no effect: each reading is an item of its own"),
            (13, 7, "#/services/0/counted_by/divide_by: expected a number above 0"),
            (19, 18, f"#/services/1/counted_by/event: expected one of {', '.join(get_args(MeteredType))}"),
            (
                19,
                71,
                "#/services/1/counted_by/divide_by: expected a non-negative decimal, as a string"
                " (text: put it in quotes)",
            ),
            (19, 86, "#/services/1/counted_by/rounded: is not a known field: did you mean rounding?"),
            (20, 38, "#/services/2/counted_by: expected one of work-completed, tickets-resolved, readings"),
        ]
    )


def test_an_agreement_of_several_councils_is_one_for_each_with_the_targets_of_its_sets() -> None:
    text = f"""{HEAD}
target_sets:
  fast:
    - {{id: quick, service: payroll, measure: processing-time, within: 1 working day, calendar: office}}
agreements:
  - id: pay
    councils: [adur, worthing]
    provider: joint
    title: Payroll
    targets:
      - {{id: slow, service: payroll, measure: processing-time, within: 30 days}}
      - fast
"""

    found = agreements_of(parse(text.encode()))

    assert faults_of(text) == []
    assert [(a.id, a.council) for a in found] == [("pay-adur", "adur"), ("pay-worthing", "worthing")]
    assert [[t.id for t in a.targets] for a in found] == [["slow", "quick"]] * 2


@pytest.mark.parametrize(
    ("councils", "fault"),
    [
        ("councils: []", "#/agreements/0/councils: expected a list of at least one council"),
        ("councils: adur", "#/agreements/0/councils: expected a list of at least one council"),
        ("{councils: [adur], council: adur}", "#/agreements/0/councils: is given beside council: write one of them"),
    ],
)
def test_an_agreement_says_in_one_way_whose_it_is(councils: str, fault: str) -> None:
    fields = f"id: pay, provider: joint, title: Pay, {councils.strip('{}')}"

    assert [line.split(" #")[1] for line in faults_of(f"{HEAD}\nagreements:\n  - {{{fields}}}\n")] == [fault[1:]]


def test_the_shipped_services_are_included_on_request_and_give_way_to_the_files_own() -> None:
    text = f"""{HEAD.replace("id: payroll, name: Payroll", "id: house-keeping, name: House-keeping")}
services_from: standard
tariffs:
  - {{id: payroll, service: payroll, name: Our own, charges: [{{kind: unit, name: Payslip, price_gbp: "9.99"}}]}}
"""

    submission = parse(text.encode())
    payroll = [
        p.definition for p in submission.entries if isinstance(p.definition, Tariff) and p.definition.id == "payroll"
    ]

    assert faults_of(text) == []
    assert [tariff.name for tariff in payroll] == ["Our own"]


def test_a_fault_in_what_is_inherited_points_to_where_it_was_asked_for() -> None:
    text = "about: {}\nservices_from: standrad\n"

    assert faults_of(text) == ["line 2, column 1 #/services_from: expected one of standard"]


@pytest.mark.parametrize("name", [name for name in example_names() if name != "standard-services"])
def test_every_shipped_example_is_right_and_says_what_is_illustrative(name: str) -> None:
    found = load(name)

    assert validation.faults(found, {}, shipped_holidays(), AT) == []
    about = yaml.safe_load((files("catalogue") / "examples" / f"{name}.yaml").read_text(encoding="utf-8"))["about"]
    assert "illustrative" in about["illustrative"]
    assert about["sources"]


def test_a_file_may_be_named_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "ours.yaml"
    path.write_text(HEAD)

    assert len(load(str(path)).entries) == 5


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownPartnershipFile, match="adur-worthing"):
        load("adur-wothing")


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (b"", "line 1, column 1 #: expected named sections, as in the shipped examples"),
        (b"- a list", "line 1, column 1 #: expected named sections, as in the shipped examples"),
        (b"provider: {id: joint\n", "line 2, column 1 #: is not YAML: expected ',' or '}', but got '<stream end>'"),
        (b"provider: &p {id: a}\npartnership: *p\n", "line 2, column 14 #: is not YAML: aliases are not read"),
        (b"provider: \x00", "line 1, column 1 #: is not YAML: it contains a character that YAML does not allow"),
        (b"provider: \xff", "line 1, column 1 #: is not UTF-8"),
        (b"[" * 5000, "line 1, column 1 #: is nested too deeply"),
        (b"#" * 4_194_305, "line 1, column 1 #: is longer than 4194304 bytes"),
    ],
)
def test_a_text_that_is_no_partnership_file_has_one_fault(raw: bytes, fault: str) -> None:
    submission = parse(raw)

    assert [f"{submission.located(found).position} {found}" for found in submission.faults] == [fault]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("16:00", "16:00"),
        ("no", "no"),
        ("2026-04-01", "2026-04-01"),
        ("007", "007"),
        ("1_000", "1_000"),
        ("1e3", "1e3"),
        (".inf", ".inf"),
        ("E07000223", "E07000223"),
        ("12", 12),
        ("-1.50", -1.5),
        ("true", True),
        ("~", None),
        ("", None),
        ('"12"', "12"),
    ],
)
def test_only_what_json_could_say_is_more_than_text(text: str, value: object) -> None:
    found = read_yaml(f"a: {text}\n")

    assert (found.value, found.faults) == ({"a": value}, [])


def test_a_tag_is_refused() -> None:
    found = read_yaml("a: !!python/object:os.system x\nb: !!int x\n")

    assert [str(fault) for fault in found.faults] == [
        "#/a: has a tag: only plain values are read",
        "#/b: has a tag: only plain values are read",
    ]
