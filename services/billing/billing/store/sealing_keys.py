"""The key by which this provider seals statements, and the public keys by which any was ever sealed. Calls block.

A new key takes over when billing starts with it. Keys before it stay published for ever, for what they sealed stays
sealed by them; what an old key could seal falsely, a council's acknowledgement shows.
"""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from joserfc.jwk import OKPKey
from sqlalchemy import Connection, Engine, select

from billing.store import tables
from billing.tally.checking import SEAL_TYPE
from billing.tally.writing import NoSealingKey, Signer
from shared.auth.issued import public_key
from shared.auth.key_file import key_kept_in, read_key
from shared.auth.sealing import key_set, public_jwk, sign_detached
from shared.clock import Clock
from shared.contracts.access import SigningKeyData
from shared.contracts.codec import encode_event
from shared.contracts.statements import SealingKeyData, SealingKeyPublished
from shared.contracts.topics import STATEMENTS
from shared.ids import derived_id
from shared.instants import epoch_ms, epoch_us
from shared.log.port import Outgoing
from shared.sql.engine import read_transaction
from shared.sql.outbox import add
from shared.sql.statements import insert_ignore

_SETTING = "SEALING_KEY_FILE"


class SealingKeys:
    """The private key is `given` as PEM or JWK, else in the `file`, which is made; without either there is none."""

    def __init__(self, engine: Engine, clock: Clock, *, given: str, file: Path | None) -> None:
        self._engine, self._clock, self._given, self._file = engine, clock, given, file
        self._is_published = False

    @cached_property
    def key(self) -> OKPKey:
        """The private key, read when it is first asked for. Raises `InvalidSettings` and `NoSealingKey`."""
        if self._given:
            return read_key(self._given, setting=_SETTING)
        if self._file is None:
            raise NoSealingKey(f"{_SETTING} is not set: it names the private key that statements are sealed by")
        return key_kept_in(self._file, setting=_SETTING)

    def signer(self) -> Signer:
        """What statements are sealed by now; its public half is published first. Raises as `key`."""
        self.publish()
        key = self.key
        return lambda content: (public_jwk(key), sign_detached(content, key, type_=SEAL_TYPE))

    def publish_own(self) -> None:
        """The key is published where there is one."""
        if self._given or self._file is not None:
            self.publish()

    def publish(self) -> None:
        """The public half is in the table, and will be in the log, once. Raises as `key`."""
        if self._is_published:
            return
        with self._engine.begin() as connection:
            self._publish(connection)
        self._is_published = True

    def public(self) -> Mapping[str, object]:
        """The public keys as a JWK set (RFC 7517), the newest first."""
        table = tables.sealing_key.c
        query = select(table.kid, table.x).order_by(table.published_at_us.desc(), table.kid)
        with read_transaction(self._engine) as connection:
            found = [public_key(SigningKeyData(kid=row.kid, x=row.x)) for row in connection.execute(query)]
        return key_set(found)

    def _publish(self, connection: Connection) -> None:
        now, public = self._clock.now(), public_jwk(self.key)
        row = {"kid": public["kid"], "x": public["x"], "published_at_us": epoch_us(now)}
        if connection.execute(insert_ignore(tables.sealing_key), [row]).rowcount != 1:
            return
        event = SealingKeyPublished(
            id=derived_id("sealing-key", public["kid"], now.isoformat()),
            source="/billing",
            time=now,
            subject=f"sealing-key:{public['kid']}",
            data=SealingKeyData(kid=public["kid"], x=public["x"]),
        )
        add(
            connection,
            tables.outbox,
            [Outgoing(event.id, STATEMENTS.name, event.key, encode_event(event), epoch_ms(now))],
        )
