"""Figures that a test found, for who looks: `pytest -rP` prints them."""


def print_figure(figure: str) -> None:
    """The figure is in the test's captured output."""
    print(figure)  # noqa: T201 (the one place that speaks)
