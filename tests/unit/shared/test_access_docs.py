"""docs/access.md says what the table of roles says."""

from pathlib import Path

from shared.auth.roles import ROLES, Action, Role

PAGE = (Path(__file__).parents[3] / "docs" / "access.md").read_text(encoding="utf-8")


def row(role: Role) -> str:
    """A role as the page lists it, what it may do in the order of the actions."""
    allowed = "; ".join(action.value for action in Action if action in role.actions)
    return f"| `{role.name}` | {role.title} | {role.side} | {allowed} |"


def test_the_page_lists_every_role_with_what_it_may_do_and_no_other() -> None:
    table = PAGE.partition("| Role | Called | Side | May |")[2].partition("\n\n")[0]
    listed = [line for line in table.splitlines() if line.startswith("| `")]

    assert listed == [row(role) for role in ROLES.values()]
