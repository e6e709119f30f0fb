"""The rules of rating have a version, so that a release which rates otherwise reprices nothing without approval.

A change that gives other lines for what is known already adds an entry here and a section to docs/rating-rules.md;
`tests/unit/billing/test_rules_version.py` fails until it does. A new kind of charge changes no line that there was.
"""

from collections.abc import Mapping

# Each version, and the kinds of line that it rates otherwise than the version before.
CHANGED_KINDS: Mapping[int, frozenset[str]] = {1: frozenset()}
RULES_VERSION = max(CHANGED_KINDS)


def changed_since(
    version: int, kind: str, now: int = RULES_VERSION, changed: Mapping[int, frozenset[str]] = CHANGED_KINDS
) -> bool:
    """Whether a line of that kind may be rated otherwise `now` than by the rules of `version`, newer or older."""
    between = range(min(version, now) + 1, max(version, now) + 1)
    return any(kind in changed.get(each, frozenset([kind])) for each in between)
