"""Ids made of other systems' names."""

import re
from functools import partial
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.scalars import ID_PATTERN
from tallystick.replay.ids import IdAssigner, item_id, slug
from tallystick.replay.table import InvalidRow
from tests.support.laws import law


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("Street Light Outages", "street-light-outages"),
        ("No Q", "no-q"),
        ("HS_O", "hs-o"),
        ("Ynys Môn", "ynys-mon"),
        ("  Adur & Worthing  ", "adur-worthing"),
        ("—", ""),
    ],
)
def test_a_slug_is_what_a_person_would_write(text: str, made: str) -> None:
    assert slug(text) == made


@law
@given(st.lists(st.text(max_size=80), max_size=8), st.booleans())
def test_every_id_is_valid_and_no_two_texts_share_one(texts: list[str], of_items: bool) -> None:
    id_of = partial(item_id, first_texts={}) if of_items else IdAssigner({}).id_of
    made: dict[str, str] = {}

    for text in texts:
        try:
            made[normalize("NFC", text)] = id_of(text, column="name")
        except InvalidRow:
            assert normalize("NFC", text) not in made

    assert all(re.match(ID_PATTERN, name) for name in made.values())
    assert len(set(made.values())) == len(made)


def test_two_texts_that_would_share_an_id_are_refused_from_the_second_on() -> None:
    naming = IdAssigner({})

    assert naming.id_of("Housing - repairs", column="team") == "housing-repairs"
    with pytest.raises(InvalidRow, match=r"team: 'Housing \(repairs\)' and 'Housing - repairs' would both be"):
        naming.id_of("Housing (repairs)", column="team")
    assert naming.id_of("Housing - repairs", column="team") == "housing-repairs"


@pytest.mark.parametrize("texts_of_one", [("M\u00f4n", "Mo\u0302n"), ("Mo\u0302n", "M\u00f4n")])
def test_a_name_is_one_however_its_accents_are_written(texts_of_one: tuple[str, str]) -> None:
    naming, given, texts = IdAssigner({}), IdAssigner({texts_of_one[0]: "anglesey"}), dict[str, str]()

    for text in texts_of_one:
        assert naming.id_of(text, column="council") == "mon"
        assert given.id_of(text, column="council") == "anglesey"
        assert item_id(text, texts, column="number") == "mon"


def test_two_items_with_one_id_are_refused_with_what_to_do() -> None:
    texts = {"a-b": "a b"}

    with pytest.raises(
        InvalidRow, match=r"'a/b' and 'a b' would both be 'a-b': give one of them another id in the file"
    ):
        item_id("a/b", texts, column="number")


def test_a_person_may_say_that_two_texts_are_the_same() -> None:
    naming = IdAssigner({"HR": "hr", "Human Resources": "hr"})

    assert {naming.id_of(text, column="team") for text in ("HR", "Human Resources")} == {"hr"}


def test_a_text_may_not_slip_into_an_id_that_a_person_gave_to_another() -> None:
    with pytest.raises(InvalidRow):
        IdAssigner({"Human Resources": "hr"}).id_of("HR", column="team")


def test_an_items_own_number_stays_as_it_is() -> None:
    assert item_id("INC_0042.a", {}, column="number") == "INC_0042.a"
    assert item_id("Case 42", {}, column="number") == "case-42"
