"""What a service knows of the access that the catalogue has issued: by which keys, and what of it is void."""

from collections.abc import Mapping
from datetime import datetime

from joserfc.jwk import KeySet, OKPKey

from shared.contracts.access import AccessEvent, AccessRevoked, SigningKeyData, SigningKeyPublished
from shared.instants import epoch_s


def public_key(data: SigningKeyData) -> OKPKey:
    """The key as tokens are verified by it."""
    return OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": data.x, "kid": data.kid})


class IssuedAccess:
    """The catalogue's public keys and revocations, as far as read. An event added twice changes nothing."""

    def __init__(self) -> None:
        self._keys: dict[str, tuple[SigningKeyData, OKPKey]] = {}
        self._revoked: dict[str, int] = {}

    def add(self, event: AccessEvent) -> None:
        """What the event says holds."""
        match event:
            case SigningKeyPublished(data=key):
                self._keys[key.kid] = key, public_key(key)
            case AccessRevoked(data=data):
                since_s = max(epoch_s(data.revoked_at), self._revoked.get(data.principal, 0))
                self._revoked[data.principal] = since_s

    def published(self) -> Mapping[str, SigningKeyData]:
        """Every key that was ever published, by its id."""
        return {kid: data for kid, (data, _) in self._keys.items()}

    def keys(self, now: datetime) -> KeySet:
        """The keys whose signatures are accepted at that instant."""
        held = self._keys.values()
        return KeySet([key for data, key in held if data.accepted_until is None or now < data.accepted_until])

    def revoked(self) -> Mapping[str, int]:
        """Since which second (epoch) whatever was issued by then to a principal is void, by its name."""
        return self._revoked
