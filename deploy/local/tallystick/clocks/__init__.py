"""The clocks that councils keep by law, as documents for `tallystick try target`; docs/clocks.md has their cases."""

from importlib import resources

from shared.yaml_values import read_yaml


def shipped_clocks() -> list[str]:
    """The names of the documents, in alphabetical order."""
    folder = resources.files("tallystick") / "clocks"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def clock_text(name: str) -> str:
    """The document of that name, with its comments."""
    return (resources.files("tallystick") / "clocks" / f"{name}.yaml").read_text(encoding="utf-8")


def titles() -> list[tuple[str, str, str]]:
    """The name, title and source of each."""
    documents = [(name, read_yaml(clock_text(name)).value) for name in shipped_clocks()]
    return [(name, document["title"], document["source"]) for name, document in documents]
