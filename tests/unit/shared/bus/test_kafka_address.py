"""A `kafka://` address says where the brokers are and how to speak to them, or is refused with the reason."""

import pytest

from shared.bus.connect import connect
from shared.bus.kafka_address import KafkaAddress, Login, UnusableAddress, parse


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("kafka://kafka:9092", KafkaAddress(("kafka:9092",))),
        ("kafka://one,two:19092/", KafkaAddress(("one:9092", "two:19092"))),
        ("kafka+ssl://kafka:9093?ca=/etc/ca.pem", KafkaAddress(("kafka:9093",), tls=True, ca_file="/etc/ca.pem")),
        (
            "kafka+ssl://billing:p%40ss:word@kafka",
            KafkaAddress(("kafka:9092",), tls=True, login=Login("billing", "p@ss:word", "SCRAM-SHA-512")),
        ),
        (
            "kafka://billing:word@kafka?mechanism=PLAIN",
            KafkaAddress(("kafka:9092",), login=Login("billing", "word", "PLAIN")),
        ),
        ("kafka://kafka?session_s=3", KafkaAddress(("kafka:9092",), session_s=3)),
    ],
)
def test_an_address_names_brokers_and_the_way_to_speak_to_them(url: str, address: KafkaAddress) -> None:
    assert parse(url) == address


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://kafka", "expected kafka://"),
        ("kafka://", "host:port"),
        ("kafka://kafka:port", "host:port"),
        ("kafka://kafka,", "host:port"),
        ("kafka://kafka/tickets", "nothing after the brokers"),
        ("kafka://kafka?acks=0", "options"),
        ("kafka://billing@kafka", "user:password"),
        ("kafka://billing:word@kafka?mechanism=MD5", "mechanism"),
        ("kafka://kafka?session_s=2", "session_s from 3 to 60"),
        ("kafka://kafka?session_s=61", "session_s from 3 to 60"),
        ("kafka://kafka?session_s=3.5", "session_s from 3 to 60"),
    ],
)
def test_an_address_that_means_nothing_is_refused_with_the_reason(url: str, why: str) -> None:
    with pytest.raises(UnusableAddress, match=why):
        parse(url)


def test_a_password_is_not_shown_with_the_address() -> None:
    assert "secret" not in repr(parse("kafka+ssl://billing:secret@kafka"))


def test_connecting_asks_nothing_of_the_brokers() -> None:
    assert connect("kafka://nowhere.invalid:9092").silent_s() == 0
