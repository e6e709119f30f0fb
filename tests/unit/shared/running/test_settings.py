"""The settings that a service gets from its environment."""

from pathlib import Path

import pytest

from shared.settings import read_settings
from shared.startup_errors import InvalidSettings
from sla_monitor.settings import MonitorSettings


@pytest.fixture(autouse=True)
def untold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is set but what a test sets."""
    for field in MonitorSettings.model_fields.values():
        for name in (f"{field.alias}", f"{field.alias}_FILE"):
            monkeypatch.delenv(name, raising=False)


def test_without_any_setting_everything_is_in_files_under_var() -> None:
    settings = read_settings(MonitorSettings)

    assert settings.bus == "sqlite:///var/log.db"
    assert settings.state == "sqlite:///var/sla-monitor-state.db"
    assert settings.database == "sqlite:///var/sla-monitor.db"


def test_a_secret_may_be_in_a_file_whose_last_line_may_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("redis://:pass word@cache/0\n", encoding="utf-8")
    monkeypatch.setenv("STATE_URL_FILE", str(tmp_path / "secret"))

    assert read_settings(MonitorSettings).state == "redis://:pass word@cache/0"


def test_a_number_may_be_in_a_file_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "port").write_text("8099\n", encoding="utf-8")
    monkeypatch.setenv("HTTP_PORT_FILE", str(tmp_path / "port"))

    assert read_settings(MonitorSettings).http_port == 8099


@pytest.mark.parametrize(
    ("environment", "fault"),
    [
        ({"HTTP_PORT": "seventy"}, "HTTP_PORT: "),
        ({"HTTP_PORT": "70000"}, "HTTP_PORT: "),
        ({"HTTP_PORT": "8099", "ADMIN_PORT": "8099"}, "HTTP_PORT and ADMIN_PORT are the same"),
        ({"LOG_LEVEL": "chatty"}, "LOG_LEVEL: "),
        ({"SLA_FREEZE_DAYS": "-1"}, "SLA_FREEZE_DAYS: "),
        ({"SLA_BATCH_RECORDS": "0"}, "SLA_BATCH_RECORDS: "),
        ({"SLA_BATCH_RECORDS": "2001"}, "SLA_BATCH_RECORDS: "),
        ({"STOP_WITHIN_S": "0"}, "STOP_WITHIN_S: "),
        ({"DATABASE_URL": "sqlite:///a", "DATABASE_URL_FILE": "b"}, "DATABASE_URL and DATABASE_URL_FILE are both set"),
        ({"DATABASE_URL_FILE": "nowhere"}, "DATABASE_URL_FILE names a file that cannot be read"),
        ({"STATE_URL_FILE": "."}, "STATE_URL_FILE names a file that cannot be read"),
    ],
)
def test_what_cannot_be_used_is_named(environment: dict[str, str], fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(InvalidSettings) as refused:
        read_settings(MonitorSettings)

    assert fault in str(refused.value)


def test_every_fault_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PORT", "seventy")
    monkeypatch.setenv("LOG_LEVEL", "chatty")

    with pytest.raises(InvalidSettings, match=r"HTTP_PORT: .*; LOG_LEVEL: "):
        read_settings(MonitorSettings)


def test_two_ports_that_are_left_to_the_machine_are_not_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PORT", "0")
    monkeypatch.setenv("ADMIN_PORT", "0")

    assert read_settings(MonitorSettings).http_port == 0


def test_addresses_are_not_shown_with_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql+psycopg://app:hunter2@server/billing")

    assert "hunter2" not in repr(read_settings(MonitorSettings))


def test_a_service_answers_to_its_names_and_to_those_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_HOST", "::")
    monkeypatch.setenv("ALLOWED_HOSTS", "Recharges.example.gov.uk, gateway")

    settings = read_settings(MonitorSettings)

    assert settings.hosts == {"recharges.example.gov.uk", "gateway", "localhost", "127.0.0.1", "[::1]"}
    assert settings.admin_hosts == frozenset({"localhost", "127.0.0.1", "[::1]"})


def test_a_service_answers_to_the_name_at_which_people_open_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_HOST", "::")
    monkeypatch.setenv("PUBLIC_URL", "https://Recharges.example.gov.uk:8443")

    assert "recharges.example.gov.uk" in read_settings(MonitorSettings).hosts


def test_a_service_that_is_open_to_other_machines_needs_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_settings(MonitorSettings).hosts == {"localhost", "127.0.0.1", "[::1]"}
    monkeypatch.setenv("HTTP_HOST", "::")
    monkeypatch.setenv("ADMIN_HOST", "::")

    with pytest.raises(InvalidSettings, match="set ALLOWED_HOSTS"):
        _ = read_settings(MonitorSettings).hosts
    # Prometheus asks pods by their addresses.
    assert read_settings(MonitorSettings).admin_hosts is None


@pytest.mark.parametrize("names", ["a b", "https://a.example", "a.example:80", "*.example", "a..b"])
def test_what_is_no_name_is_refused(monkeypatch: pytest.MonkeyPatch, names: str) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", names)

    with pytest.raises(InvalidSettings, match="ALLOWED_HOSTS: expected names"):
        _ = read_settings(MonitorSettings).hosts
