"""Derived ids."""

from uuid import uuid5

from hypothesis import given
from hypothesis import strategies as st

from shared.ids import ROOT, derived_id


@given(st.text(), st.text())
def test_a_derived_id_is_the_uuid5_of_what_it_means(kind: str, part: str) -> None:
    assert derived_id(kind, part, None, 3) == str(uuid5(ROOT, f"{kind}\x1f{part}\x1f\x1f3"))
