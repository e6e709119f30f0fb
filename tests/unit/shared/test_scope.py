"""A scope never shows more than it was made for, however it is narrowed."""

from hypothesis import given
from hypothesis import strategies as st

from shared.scope import Scope

COUNCILS = ["adur", "bolsover", "worthing"]
scopes = st.builds(lambda ids: Scope.of(*ids), st.sets(st.sampled_from(COUNCILS))) | st.just(Scope.all())


def test_all_allows_every_council_and_none_allows_nothing() -> None:
    assert Scope.all().visible(COUNCILS) == COUNCILS
    assert Scope.of().visible(COUNCILS) == []
    assert Scope.of("worthing", "adur").visible(COUNCILS) == ["adur", "worthing"]


@given(scopes, st.sampled_from(COUNCILS) | st.none(), st.sampled_from(COUNCILS))
def test_narrowing_never_widens(scope: Scope, asked: str | None, council: str) -> None:
    narrowed = scope.narrowed_to(asked)

    assert narrowed.allows(council) == (scope.allows(council) and asked in {None, council})
