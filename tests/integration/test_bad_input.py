"""Every kind of bad input that we know of has its answer, and none is a failure: one row each, tried here or elsewhere.

What events are refused for is in `test_events_over_http`; here are definitions, queries and heads of requests, and
where each other row is tried. An invalid parameter is a 400 everywhere, an invalid body a 422, an unreadable one a 400.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from shared.contracts.codec import canonical_json
from shared.contracts.definitions import AnyDefinition
from tests.support.definitions import agreement, calendar, council, provider, service, tariff
from tests.support.described_apis import HEADERS, opened_applications

TESTS = Path(__file__).parents[1]
TARIFF, COUNCIL = canonical_json(tariff()), canonical_json(council("worthing", name="Worthing"))
AGREEMENT = canonical_json(agreement())
JSON = HEADERS | {"Content-Type": "application/json"}


def priced(price: str) -> tuple[str, bytes]:
    return "/v1/tariffs/payroll", TARIFF.replace(b'"4.42"', price.encode())


def begins(instant: str) -> str:
    return f"/v1/councils/adur?known_at={instant}"


def named(name: str) -> tuple[str, bytes]:
    return "/v1/councils/worthing", COUNCIL.replace(b'"Worthing"', name.encode())


def replying(days: str) -> tuple[str, bytes]:
    return "/v1/agreements/a1", AGREEMENT[:-1] + b',"query_reply_days":' + days.encode() + b"}"


# By the row's number: what it is, and one request after another with the status that answers each.
BODIES: dict[int, tuple[str, list[tuple[tuple[str, bytes], int]]]] = {
    1: ("NaN", [(priced("NaN"), 400)]),
    2: ("a number beyond all", [(priced("1e999"), 422)]),
    3: ("NaN as text", [(priced('"NaN"'), 422)]),
    4: ("an exponent in a price", [(priced('"1e1000000"'), 422)]),
    5: ("a price as a number", [(priced("0.30000000000000004"), 422)]),
    6: ("minus nothing as a price", [(priced('"-0"'), 422)]),
    7: ("a price with 30 decimals", [(priced(f'"0.{"3" * 30}"'), 422)]),
    8: ("a key twice", [(("/v1/councils/worthing", COUNCIL[:-1] + b',"id":"worthing"}'), 400)]),
    9: ("true for a number", [(replying("true"), 422)]),
    10: (
        "a number as text, a float, underscores",
        [(priced(each), 422) for each in ('"1_000"', "1", "1.0")]
        + [(replying(each), 422) for each in ('"1"', '"1_000"')],
    ),
    11: ("full-width digits", [(priced('"１２"'), 422)]),
    12: ("5,000 digits", [(priced("9" * 5_000), 400)]),
    13: ("a number beyond its column", [(replying(str(2**bits)), 422) for bits in (31, 63)]),
    14: ("NUL in a text", [(named(r'"\u0000"'), 422)]),
    15: ("half a surrogate pair", [(named(r'"\ud800"'), 422)]),
    16: ("100,000 brackets", [(("/v1/councils/worthing", b"[" * 100_000), 400)]),
    17: ("nothing", [(("/v1/councils/worthing", b""), 400)]),
    18: ("no UTF-8", [(("/v1/councils/worthing", b"\xff\xfe"), 400)]),
    19: ("a byte order mark", [(("/v1/councils/worthing", b"\xef\xbb\xbf" + COUNCIL), 400)]),
    20: ("an unknown field", [(("/v1/councils/worthing", COUNCIL[:-1] + b',"is_admin":true}'), 422)]),
    28: (
        "an invisible character, or one that turns the direction, in an id",
        [(named('"Worthing","id":"worth\u200bing"'), 400), (("/v1/councils/w\u202eg", COUNCIL), 404)],
    ),
    29: ("10 MB in one text", [(named(f'"{"x" * 10_000_000}"'), 413)]),
    47: (
        "fields that only the service sets",
        [
            (("/v1/councils/worthing", COUNCIL[:-1] + b"," + each + b"}"), 422)
            for each in (b'"version":9', b'"council_id":"adur"', b'"status":"ISSUED"', b'"recorded_at":"2026-01-01"')
        ],
    ),
    50: ("SQL in a text", [(named('"\' OR 1=1--"'), 201), (("/v1/councils/'%20OR%201=1--", COUNCIL), 404)]),
    53: (
        "a tariff that no tariff may be",
        [(priced('"-1.00"'), 422), (priced('"10000000000"'), 422), (priced('"0.12345678"'), 422)],
    ),
    54: (
        "an agreement about what is not there",
        [(("/v1/agreements/a1", canonical_json(agreement(council="nowhere"))), 422)],
    ),
}
QUERIES: dict[int, tuple[str, list[tuple[str, int]]]] = {
    21: ("an instant without a zone, also in the gap of March", [(begins("2026-03-29T01:30:00"), 400)]),
    22: ("an instant as a number", [(begins("1778155200"), 400), (begins("1778155200000"), 400)]),
    23: (
        "years that no register has",
        [(begins("0001-01-01T00:00:00%2B14:00"), 400), (begins("9999-12-31T23:59:59-14:00"), 400)],
    ),
    24: ("a leap second", [(begins("2026-05-07T12:00:60Z"), 400)]),
    25: ("an offset of nearly a day", [(begins("2026-05-08T11:59:00%2B23:59"), 404)]),
    26: ("a date where an instant is expected", [(begins("2026-05-07"), 400)]),
    27: ("yes for true", [("/v1/events?source=x&id=y&dry_run=yes", 400)]),
    30: (
        "a page of less than one, or of a thousand million",
        [("/v1/councils?limit=-1", 400), ("/v1/councils?limit=1000000000", 400)],
    ),
    31: ("a parameter twice", [("/v1/councils?limit=1&limit=2", 400)]),
    36: (
        "paths that lead out, or hold what no path holds",
        [
            (each, 404)
            for each in ("/v1/councils/..%2f..%2fetc/passwd", "/v1/councils/%00", "/v1//councils", "/v1/councils.")
        ],
    ),
}
ELSEWHERE: dict[int, tuple[str, list[str]]] = {
    32: ("another content type", ["unit/shared/test_http.py::test_a_body_of_another_type_is_refused"]),
    33: ("a compressed body", ["unit/shared/test_http.py::test_a_body_of_another_type_is_refused"]),
    34: (
        "two lengths of a body",
        ["unit/shared/running/test_connections.py::test_what_is_no_request_is_refused_as_problem_details"],
    ),
    35: (
        "another host, a forged address",
        [
            "unit/shared/test_safe_http.py::test_another_name_is_refused_before_anything_is_read",
            "unit/shared/test_rates.py::test_a_forwarded_address_counts_only_from_a_trusted_proxy",
        ],
    ),
    37: ("methods that nobody needs", ["unit/shared/test_safe_http.py::test_a_method_is_not_overridden_by_a_header"]),
    38: (
        "no credential, two, or one in the query",
        [
            "integration/test_machines.py::test_without_a_credential_every_service_asks_for_one_before_it_looks_at_the_request",
            "integration/test_machines.py::test_two_authorization_headers_are_refused",
            "unit/shared/test_http.py::test_only_documented_parameters_are_taken_once_and_in_range",
        ],
    ),
    39: (
        "forged tokens",
        [
            "unit/shared/test_auth_tokens.py::test_headers_that_are_not_exactly_right_are_refused",
            "unit/shared/test_auth_tokens.py::test_other_algorithms_are_refused",
        ],
    ),
    40: (
        "tokens of another time or audience",
        ["unit/shared/test_auth_tokens.py::test_claims_that_are_not_exactly_right_are_refused"],
    ),
    41: (
        "tokens for odd councils",
        [
            "unit/shared/test_auth_tokens.py::test_a_star_is_a_council_of_that_name_and_not_every_council",
            "unit/shared/test_auth_tokens.py::test_claims_that_are_not_exactly_right_are_refused",
        ],
    ),
    42: (
        "wrong, revoked and expired secrets",
        [
            "integration/test_machines.py::test_attempts_of_one_client_are_limited_and_the_answer_says_when_to_come_back",
            "integration/test_machines.py::test_a_revoked_client_is_refused_everywhere_within_five_seconds",
        ],
    ),
    43: (
        "an event of another council",
        ["integration/test_events_over_http.py::test_events_of_others_are_refused_and_audited"],
    ),
    44: (
        "another council's id",
        ["integration/test_foreign_ids.py::test_a_foreign_id_is_answered_as_one_that_nobody_has"],
    ),
    45: (
        "another council's filter, cursor and tag",
        [
            "integration/test_canaries.py::test_asking_for_another_council_tells_nothing_of_it",
            "unit/shared/test_cursors.py::test_a_caller_who_sees_other_councils_is_refused_it",
            "integration/test_canaries.py::test_an_entity_tag_of_another_council_answers_nothing_sooner",
        ],
    ),
    46: (
        "an id that another council uses",
        ["integration/test_monitor_scope.py::test_an_id_that_another_council_uses_is_free_and_tells_nothing"],
    ),
    48: ("a stale version", ["integration/test_catalogue_api.py::test_a_change_must_name_the_version_it_replaces"]),
    49: (
        "a request that is sent again",
        ["integration/test_machines.py::test_a_request_that_is_sent_again_makes_no_second_client_and_shows_no_secret"],
    ),
    51: ("formulas in names", ["unit/billing/test_documents.py::test_a_name_that_a_spreadsheet_would_run_is_guarded"]),
    52: (
        "markup in names",
        [
            "unit/billing/test_documents.py::test_names_are_escaped_on_the_page_and_plain_in_the_pdf",
            "unit/shared/web/test_pages.py::test_names_are_escaped",
        ],
    ),
    55: (
        "four eyes",
        [
            "integration/test_proposals.py::test_who_proposed_it_never_decides_about_it_whatever_their_roles",
            "integration/test_issuing.py::test_nobody_approves_what_they_checked_or_a_draft_that_has_changed",
        ],
    ),
    56: (
        "one statement issued by many at once",
        ["integration/test_closing.py::test_processes_that_close_at_once_issue_one_statement_for_each_council"],
    ),
    57: (
        "issuing while something waits",
        ["integration/test_readiness.py::test_usage_that_waits_for_something_blocks_its_council"],
    ),
    58: (
        "an event again, and another under its id",
        [
            "integration/test_events_over_http.py::test_a_repetition_is_received_once",
            "integration/test_poison.py::test_an_id_that_is_used_again_for_another_item_is_quarantined_by_both",
        ],
    ),
    59: ("events in an order that makes no sense", ["unit/sla_monitor/test_any_history.py"]),
    60: (
        "times ahead and long ago",
        [
            "unit/shared/log/test_validation.py::test_a_time_is_accepted_from_400_days_before_to_5_minutes_after_its_sending"
        ],
    ),
    61: (
        "councils and agreements that nobody knows",
        ["integration/test_parking.py::test_a_council_that_the_catalogue_never_hears_of_waits_alone"],
    ),
    62: (
        "quantities that are none",
        ["integration/test_events_over_http.py::test_bad_input_has_its_answer_and_none_is_a_failure"],
    ),
    63: (
        "records that are no events",
        ["integration/test_poison.py::test_the_monitor_sets_it_aside_and_takes_in_what_is_around_it"],
    ),
    64: (
        "types and versions of the future",
        ["unit/shared/log/test_validation.py::test_every_reason_is_tried_and_explained_to_those_who_send"],
    ),
    65: (
        "a record in another partition",
        ["integration/test_quarantine_command.py::test_a_record_in_the_wrong_partition_is_redriven_to_its_own"],
    ),
    67: (
        "eleven poison records",
        [
            "integration/test_flood.py::test_the_eleventh_in_a_row_halts_the_shard_in_front_of_itself_and_a_restart_changes_nothing"
        ],
    ),
    68: ("personal data", ["unit/shared/contracts/test_personal_data.py::test_each_kind_is_known_by_its_form"]),
    71: ("what is for operators", ["integration/test_service_process.py::test_what_operators_see_is_not_public"]),
    72: (
        "too much at once",
        [
            "unit/shared/running/test_connections.py::test_too_many_requests_at_once_are_refused_to_be_sent_again",
            "unit/shared/running/test_connections.py::test_connections_that_ask_nothing_keep_nobody_out",
        ],
    ),
    73: (
        "a decision without a reason",
        [
            "integration/test_quarantine_command.py::test_a_decision_without_a_reason_a_name_or_a_confirmation_is_refused"
        ],
    ),
    74: (
        "rows edited by hand",
        [
            "integration/test_audit_store.py::test_a_row_changed_by_hand_is_named",
            "integration/test_readiness.py::test_a_draft_that_is_not_what_its_rows_come_to_blocks",
        ],
    ),
}
NOT_HERE = {
    66: "who may write to a topic is the broker's to say (docs/kafka.md): the log does not name the writer of a record",
    69: "Tallystick calls no addresses that others name: there are no webhooks",
    70: "as 69",
}


@pytest.fixture(scope="module", name="client")
def _client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    known: list[AnyDefinition] = [
        council(),
        council("worthing", name="Worthing"),
        service(),
        calendar(),
        tariff(),
        provider(),
        agreement(),
    ]
    with opened_applications(tmp_path_factory.mktemp("bad"), known) as apps:
        yield TestClient(apps["catalogue"], raise_server_exceptions=False)


@pytest.mark.parametrize("row", BODIES)
def test_a_bad_body_has_its_answer(client: TestClient, row: int) -> None:
    _, tried = BODIES[row]
    for (path, body), status in tried:
        answer = client.put(path, content=body, headers=JSON | {"If-Match": "*"})

        assert answer.status_code == status, (path, body[:200], answer.text)


@pytest.mark.parametrize("row", QUERIES)
def test_a_bad_address_has_its_answer(client: TestClient, row: int) -> None:
    _, tried = QUERIES[row]
    for address, status in tried:
        assert client.get(address, headers=HEADERS).status_code == status, address


def test_every_row_of_what_is_known_to_be_bad_is_tried_once_or_does_not_apply() -> None:
    assert sorted([*BODIES, *QUERIES, *ELSEWHERE, *NOT_HERE]) == list(range(1, 75))


@pytest.mark.parametrize("row", ELSEWHERE)
def test_what_is_tried_elsewhere_is(row: int) -> None:
    _, tests = ELSEWHERE[row]
    for test in tests:
        path, _, name = test.partition("::")
        assert not name or name in names_in(TESTS / path), test
        assert (TESTS / path).exists(), test


@cache
def names_in(path: Path) -> set[str]:
    functions = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {each.name for each in functions if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}
