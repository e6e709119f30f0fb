"""The marker of tests that take minutes."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """`-m "not chaos"` leaves out what takes minutes."""
    config.addinivalue_line("markers", "chaos: faults on real servers; takes minutes")
