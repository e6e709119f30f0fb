"""What looks like personal data in an event: e-mail addresses, National Insurance numbers, postcodes, phone numbers.

Events carry ids and figures alone. What a resident could be known by is refused wherever it stands, in names of fields
as well as in values; it is recognised by its form, so that a few ids are refused that mean nothing of the kind
(docs/privacy.md has the measured figures). A number of 11 digits alone is a ticket's number and no phone number.

Sources: HMRC's manual NIM39110 (prefixes of NI numbers), Royal Mail's Programmer's Guide to PAF, and Ofcom's National
Telephone Numbering Plan, read 2026-11.
"""

import re
import string
from collections.abc import Iterator
from itertools import accumulate
from typing import Literal

import msgspec

from shared.faults import Fault, Path

Kind = Literal["an e-mail address", "a National Insurance number", "a postcode", "a phone number"]

# Before and after: no letter, digit or sign of an id, so that parts of longer ids are none of these.
_BEGIN, _END = r"(?<![A-Za-z0-9_])", r"(?![A-Za-z0-9_])"
_AREAS = (
    "AB|AL|BA|BB|BD|BH|BL|BN|BR|BS|BT|B|CA|CB|CF|CH|CM|CO|CR|CT|CV|CW|DA|DD|DE|DG|DH|DL|DN|DT|DY|EC|EH|EN|EX|E|FK|FY|"
    "GL|GU|GY|G|HA|HD|HG|HP|HR|HS|HU|HX|IG|IM|IP|IV|JE|KA|KT|KW|KY|LA|LD|LE|LL|LN|LS|LU|L|ME|MK|ML|M|NE|NG|NN|NP|NR|"
    "NW|N|OL|OX|PA|PE|PH|PL|PO|PR|RG|RH|RM|SA|SE|SG|SK|SL|SM|SN|SO|SP|SR|SS|ST|SW|SY|S|TA|TD|TF|TN|TQ|TR|TS|TW|UB|WA|"
    "WC|WD|WF|WN|WR|WS|WV|W|YO|ZE"
)
# Districts are numbers without a nought before them; only in London do some end in a letter, as SW1A.
_DISTRICT = rf"(?:(?:EC|E|NW|N|SE|SW|WC|W)[1-9][A-Z]|(?:{_AREAS})(?:0|[1-9][0-9]?))"
# Letters that the inward part never has: C I K M O V.
_POSTCODE = rf"{_DISTRICT} ?[0-9][ABD-HJLNP-UW-Z]{{2}}"
# "Block B2 1st floor" has the form of a postcode.
_ORDINAL = re.compile(r"[A-Z].* (?:1st|2nd|3rd|[04-9]th)")
_NI = r"(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]"
# With the country's code, or written in groups: digits alone are a number of something.
_PHONE = (
    r"(?:\+|00)44[ -]?(?:\(0\)[ -]?|0)?(?:[1-9][ -]?)(?:[0-9][ -]?){8,9}(?![0-9])"
    r"|(?:\(0[1-35789][0-9]{1,4}\)|0[1-35789][0-9]{1,4}[ -])[ -]?[0-9]{3,8}(?:[ -][0-9]{3,6})*(?![0-9-])"
)
# Found by its @, whatever is before: a search for the part before it would take the square of a long text's length.
_LOCAL = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]"
_EMAIL = rf"(?<={_LOCAL})@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
_LONGEST_LOCAL = 64  # RFC 5321, section 4.5.3.1.1
_LOCAL_END = re.compile(rf"{_LOCAL}+\Z")
_FORMS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("an e-mail address", re.compile(_EMAIL)),
    ("a National Insurance number", re.compile(_BEGIN + _NI + _END, re.IGNORECASE)),
    ("a postcode", re.compile(_BEGIN + _POSTCODE + _END, re.IGNORECASE)),
    ("a phone number", re.compile(rf"(?<![A-Za-z0-9_.-])(?:{_PHONE})")),
)
_COUNTRY = re.compile(r"(?:\+|00)44")
_DIGITS_OF = re.compile(r"[0-9]+")
_PHONE_DIGITS = (10, 11)  # with the nought before the code of the area


def _table(**classes: str) -> bytes:
    """A translation of bytes to the letter of their class; `_` stands for whatever ends a word."""
    return bytes(next((ord(k) for k, each in classes.items() if chr(byte) in each), ord("_")) for byte in range(256))


_LETTERS, _DIGITS = string.ascii_letters, string.digits
# What each kind cannot do without, as runs of classes of characters: found in a microsecond, where regular expressions
# would take a hundred. `n` is a digit and `z` a nought, `a` a letter and `d` one of A to D; before a phone number a
# full stop is a letter, as fractions of seconds begin with it.
_LOOKS: tuple[tuple[bytes, tuple[bytes, ...]], ...] = (
    (_table(n=_DIGITS, a=_LETTERS), (b"naa_",)),
    (_table(n=_DIGITS, d="ABCDabcd", a=_LETTERS), (b"nnd_", b"nn_d_")),
    (_table(z="0", n="123456789", a=_LETTERS + "."), (b"_zzz", b"_zzn", b"_znz", b"_znn")),
)
_SIGNS = (b"@", b"+44", b"(0", b"\\")  # what is escaped may be anything


def personal_data_faults(value: bytes) -> list[Fault]:
    """A fault for each place of an event, which is JSON, that holds what looks like personal data."""
    if not _may_hold_any(value):
        return []
    found = found_in(msgspec.json.decode(value))
    return [Fault(path, f"looks like {kind}: events carry no personal data") for path, kind in found]


def found_in(value: object) -> Iterator[tuple[Path, Kind]]:
    """Every place of plain values, or name of a field, that looks like personal data, and what it looks like."""
    return _found(value, ())


def redacted(value: bytes) -> bytes:
    """The bytes with "[redacted]" in the place of whatever looks like personal data, escaped or not."""
    text = value.decode("utf-8", "replace")
    if "\\" in text:
        text = _unescaped(text)
    text = _without_emails(text)
    for _, form in _FORMS[1:]:
        text = form.sub("[redacted]", text)
    return text.encode()


def _without_emails(text: str) -> str:
    """The text with "[redacted]" in the place of each address: no local part has more than 64 characters."""
    kept, done = [], 0
    for found in _FORMS[0][1].finditer(text):
        before = _LOCAL_END.search(text, max(done, found.start() - _LONGEST_LOCAL), found.start())
        kept += [text[done : found.start() if before is None else before.start()], "[redacted]"]
        done = found.end()
    return "".join([*kept, text[done:]])


def _unescaped(text: str) -> str:
    """JSON without the escapes that it can do without, where it is JSON."""
    try:
        return msgspec.json.encode(msgspec.json.decode(text)).decode()
    except msgspec.DecodeError:
        return text


def kind_of(text: str) -> Kind | None:
    """What kind of personal data a text looks like, or holds; None for none."""
    for kind, form in _FORMS:
        if any(_is_such(kind, found[0]) for found in form.finditer(text)):
            return kind
    return None


def _may_hold_any(value: bytes) -> bool:
    for sign in _SIGNS:
        if sign in value:
            return True
    for table, runs in _LOOKS:  # plain loops: every event comes through here
        looked = value.translate(table)
        for run in runs:
            if run in looked:
                return True
    return False


def _found(value: object, at: Path) -> Iterator[tuple[Path, Kind]]:
    match value:
        case str():
            if (kind := kind_of(value)) is not None:
                yield at, kind
        case dict():
            for name, each in value.items():
                if (kind := kind_of(name)) is not None:
                    yield at, kind  # the name itself is not repeated
                else:
                    yield from _found(each, (*at, name))
        case list() | tuple():
            for index, each in enumerate(value):
                yield from _found(each, (*at, index))


def _is_such(kind: Kind, text: str) -> bool:
    """What no regular expression says of a text that has the form."""
    match kind:
        case "a phone number":
            groups = accumulate(len(group) for group in _DIGITS_OF.findall(text))  # a second number may follow
            return _COUNTRY.match(text) is not None or any(digits in _PHONE_DIGITS for digits in groups)
        case "a postcode":
            return _ORDINAL.fullmatch(text) is None
        case _:
            return True
