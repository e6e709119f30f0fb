"""Rules of parties, VAT and finance codes: check digits, rates by date, one entry for each service that is charged."""

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise

from shared.contracts.definitions import EVERY_SERVICE, Agreement, Council, Provider
from shared.contracts.parties import BankAccount, PartyDetails
from shared.contracts.vat import WITHOUT_VAT, VatRates
from shared.faults import Fault, repeats

# HMRC: the first seven digits by these weights, and the last two as a number, are a multiple of 97; in numbers given
# since 2010, 55 more.
_VAT_WEIGHTS = (8, 7, 6, 5, 4, 3, 2)
_VAT_MODULUS, _VAT_ADDEND = 97, 55
_VAT_DIGITS = 9
# ISO 13616: the number that an IBAN stands for leaves 1.
_IBAN_MODULUS, _IBAN_REST, _IBAN_HEAD = 97, 1, 4
_LETTER_BASE = 36


def provider_faults(provider: Provider) -> Iterator[Fault]:
    """What is wrong with a provider's party and VAT rates."""
    if provider.party is not None:
        yield from (fault.below("party") for fault in _party_faults(provider.party))
        if provider.party.bank is not None:
            yield from (fault.below("party", "bank") for fault in _bank_faults(provider.party.bank))
    yield from (fault.below("vat_rates") for fault in _rate_faults(provider.vat_rates))


def council_party_faults(council: Council) -> Iterator[Fault]:
    """What is wrong with a council's party."""
    if council.party is not None:
        yield from (fault.below("party") for fault in _party_faults(council.party))


def vat_faults(agreement: Agreement, charged: Collection[str], providers: Sequence[Provider]) -> Iterator[Fault]:
    """What is wrong with an agreement's VAT treatments, where its tariffs charge for the services `charged`.

    `providers` are the versions of its provider; without any of them only the treatments are looked at.
    """
    services = [each.service for each in agreement.vat]
    yield from (Fault(("vat", index, "service"), "has its treatment above already") for index in repeats(services))
    for index, each in enumerate(agreement.vat):
        if each.service != EVERY_SERVICE and each.service not in charged:
            yield Fault(("vat", index, "service"), "has no effect: no tariff of this agreement charges for it")
        if each.treatment in WITHOUT_VAT or not providers:
            continue
        if not any(_has_rate_for(agreement, provider) for provider in providers):
            yield Fault(
                ("vat", index, "treatment"),
                f"needs vat_rates of provider {agreement.provider} that are in force when the agreement begins",
            )


def coding_faults(agreement: Agreement, charged: Collection[str]) -> Iterator[Fault]:
    """What is wrong with an agreement's finance codes, where its tariffs charge for the services `charged`."""
    services = [each.service for each in agreement.coding]
    yield from (Fault(("coding", index, "service"), "has its codes above already") for index in repeats(services))
    for index, each in enumerate(agreement.coding):
        if each.service != EVERY_SERVICE and each.service not in charged:
            yield Fault(("coding", index, "service"), "has no effect: no tariff of this agreement charges for it")
        if each.cost_centre is None and each.ledger_code is None and each.purchase_order is None:
            yield Fault(("coding", index), "names no code: give a cost_centre, a ledger_code or a purchase_order")


def _has_rate_for(agreement: Agreement, provider: Provider) -> bool:
    return any(rates.effective_from <= agreement.effective_from for rates in provider.vat_rates)


def _rate_faults(rates: Sequence[VatRates]) -> Iterator[Fault]:
    for index, (before, now) in enumerate(pairwise(rates), start=1):
        if now.effective_from <= before.effective_from:
            yield Fault((index, "effective_from"), "expected a date after that of the entry before")


def _party_faults(party: PartyDetails) -> Iterator[Fault]:
    if party.vat_number is not None and not _is_vat_number(party.vat_number):
        yield Fault(("vat_number",), "has wrong check digits: it is no VAT number")


def _bank_faults(bank: BankAccount) -> Iterator[Fault]:
    if bool(bank.sort_code) != bool(bank.account_number):
        missing = "account_number" if bank.sort_code else "sort_code"
        yield Fault((missing,), "is missing: a sort code and an account number belong together")
    elif not bank.sort_code and bank.iban is None:
        yield Fault((), "names no account: give a sort code and an account number, or an IBAN")
    if bank.iban is not None and not _is_iban(bank.iban):
        yield Fault(("iban",), "has wrong check digits: it is no IBAN")


def _is_vat_number(number: str) -> bool:
    """Whether the check digits are right; those of departments and health authorities have none."""
    digits = number[2:]
    if not digits.isdigit():
        return True
    weighed = sum(weight * int(digit) for weight, digit in zip(_VAT_WEIGHTS, digits, strict=False))
    total = weighed + int(digits[len(_VAT_WEIGHTS) : _VAT_DIGITS])
    return total % _VAT_MODULUS == 0 or (total + _VAT_ADDEND) % _VAT_MODULUS == 0


def _is_iban(iban: str) -> bool:
    turned = iban[_IBAN_HEAD:] + iban[:_IBAN_HEAD]
    return int("".join(str(int(each, _LETTER_BASE)) for each in turned)) % _IBAN_MODULUS == _IBAN_REST
