"""The two parties of a recharge, as an electronic invoice names them: who supplies and is paid, who receives and pays.

Everything may be missing: a statement says what is, and nothing is invented. `catalogue.domain.party_rules` checks
check digits.
"""

from typing import Annotated

from msgspec import Meta, Struct

from shared.contracts.scalars import END_OF_TEXT, Title

# Nine digits, twelve for a branch; GD is a government department, HA a health authority; XI is for goods in
# Northern Ireland.
VatNumber = Annotated[
    str,
    Meta(
        pattern=r"^(GB|XI)([0-9]{9}([0-9]{3})?|GD[0-4][0-9]{2}|HA[5-9][0-9]{2})" + END_OF_TEXT,
        description="a United Kingdom VAT number without spaces: GB999999973",
    ),
]
Iban = Annotated[
    str, Meta(pattern=r"^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}" + END_OF_TEXT, description="an IBAN without spaces")
]
PaymentDays = Annotated[int, Meta(ge=0, le=365)]
EmailAddress = Annotated[
    str, Meta(max_length=200, pattern=r"^[^\s@,;<>]+@[^\s@,;<>]+" + END_OF_TEXT, description="like a@example.org")
]


class Address(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A postal address; `country` is an ISO 3166 code."""

    lines: Annotated[tuple[Title, ...], Meta(min_length=1, max_length=3)]
    town: Title
    postcode: Annotated[str, Meta(pattern=r"^[A-Z0-9][A-Z0-9 -]{1,9}" + END_OF_TEXT, description="like ZZ99 3WZ")]
    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}" + END_OF_TEXT, description="two letters, as GB")] = "GB"


class BankAccount(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where to pay: a sort code and an account number, or an IBAN, or both."""

    name: Title
    sort_code: Annotated[str, Meta(pattern=r"^[0-9]{2}-[0-9]{2}-[0-9]{2}" + END_OF_TEXT, description="00-00-00")] = ""
    account_number: Annotated[str, Meta(pattern=r"^[0-9]{8}" + END_OF_TEXT, description="eight digits")] = ""
    iban: Iban | None = None


class Endpoint(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The electronic address for invoices: a scheme of the Electronic Address Scheme list (0088 is GLN), and an id."""

    scheme: Annotated[str, Meta(pattern=r"^[0-9]{4}" + END_OF_TEXT, description="four digits, as 0088")]
    id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._:-]{1,50}" + END_OF_TEXT, description="1 to 50 letters and digits")]


class Contact(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Whom to ask about a statement: a team, and its mailbox or telephone. Write down no person."""

    team: Title
    email: EmailAddress | None = None
    telephone: (
        Annotated[str, Meta(pattern=r"^\+?[0-9][0-9 ]{4,28}" + END_OF_TEXT, description="digits and spaces")] | None
    ) = None


class PartyDetails(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What both parties have. `legal_name` is for an invoice, where the name of the definition is not that.

    `illustrative` details belong to nobody, and are labelled so everywhere.
    """

    legal_name: Title | None = None
    address: Address | None = None
    vat_number: VatNumber | None = None
    endpoint: Endpoint | None = None
    illustrative: bool = False


class ProviderParty(PartyDetails, frozen=True, kw_only=True):
    """Who supplies; payment is due so many days after a statement is issued, and `contact` answers for it.

    `number_prefix` goes before the numbers of its statements, which are its own without one too.
    """

    payment_days: PaymentDays | None = None
    contact: Contact | None = None
    number_prefix: (
        Annotated[str, Meta(pattern=r"^[A-Z0-9]{1,8}" + END_OF_TEXT, description="1 to 8 capital letters and digits")]
        | None
    ) = None
    bank: BankAccount | None = None


class CouncilParty(PartyDetails, frozen=True, kw_only=True):
    """Who pays; `buyer_reference` is the order number or the like that each invoice must name."""

    buyer_reference: Title | None = None
