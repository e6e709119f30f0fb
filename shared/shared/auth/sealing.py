"""Documents sealed: a detached signature (JWS, RFC 7515 with an empty payload part) that anybody can check offline.

The provider signs by Ed25519. A council may acknowledge by a key of its own, which may be of P-256 (ES256) too, because
many councils' key stores make no other. Each kind of signed content has a type of its own in its header, so that none
passes for another. A header that says where to fetch a key, or that names anything else, is refused.
"""

import base64
from collections.abc import Iterable, Mapping

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey

_HEADERS = {"alg", "kid", "typ"}
_ALGORITHMS = {"Ed25519": "Ed25519", "P-256": "ES256"}
LONGEST_SIGNATURE = 2000
_EXPECTED = "expected a key of Ed25519 or P-256, in PEM or as a JWK"
SealingKey = OKPKey | ECKey


class NotAKey(ValueError):
    """The text has no key that documents are signed by; the message says what was expected."""


class NotSigned(Exception):
    """The signature proves nothing; the message says why, for people."""


def new_private_key() -> str:
    """A new key of Ed25519, in PEM (PKCS 8)."""
    return OKPKey.generate_key("Ed25519").as_pem(private=True).decode()


def read_private_key(text: str) -> SealingKey:
    """The private key in PEM (PKCS 8) or as a JWK, with its thumbprint as `kid`. Raises `NotAKey`."""
    key = _read(text)
    if not key.is_private:
        raise NotAKey("that is a public key: a private one is needed to sign")
    return _named(dict(key.as_dict(private=True)))


def read_public_keys(text: str) -> tuple[SealingKey, ...]:
    """The public keys of a JWK set, of one JWK or of a PEM, each with its thumbprint as `kid`. Raises `NotAKey`."""
    found = _json(text)
    members = found["keys"] if isinstance(found, dict) and isinstance(found.get("keys"), list) else None
    if members == []:
        raise NotAKey("that set holds no key")
    if members is not None:
        return tuple(_public(each) for each in members if isinstance(each, dict))
    return (_public(_read(text).as_dict(private=False)),)


def public_jwk(key: SealingKey) -> dict[str, str]:
    """The public half, with its thumbprint as `kid`."""
    public = {name: str(value) for name, value in key.as_dict(private=False).items()}
    return {name: public[name] for name in ("crv", "kid", "kty", "x", "y") if name in public}


def key_set(keys: Iterable[SealingKey]) -> dict[str, object]:
    """The public halves as a JWK set (RFC 7517)."""
    return {"keys": [{**public_jwk(key), "use": "sig", "alg": _ALGORITHMS[key.curve_name]} for key in keys]}


def sign_detached(content: bytes, key: SealingKey, *, type_: str) -> str:
    """The signature of `content` by `key`, which has a `kid`: header and signature, nothing between them."""
    algorithm = _ALGORITHMS[key.curve_name]
    header = {"alg": algorithm, "kid": str(key.kid), "typ": type_}
    whole = jws.serialize_compact(header, content, key, algorithms=[algorithm])
    protected, _, signature = whole.split(".")
    return f"{protected}..{signature}"


def require_signed(content: bytes, signature: str, keys: Iterable[SealingKey], *, type_: str) -> str:
    """The `kid` of the one of `keys` that signed `content`; raises `NotSigned`."""
    header, _, rest = signature.partition("..")
    if len(signature) > LONGEST_SIGNATURE or not rest or "." in rest or "." in header:
        raise NotSigned("the signature is not written as one")
    named = _header(header)
    if named.keys() != _HEADERS or named["typ"] != type_:
        raise NotSigned("the signature is of another kind of document")
    key = next((each for each in keys if each.kid == named["kid"]), None)
    if key is None:
        raise NotSigned(f"it is signed by the key {str(named['kid'])[:64]!r}, which is none of those given")
    if named["alg"] != _ALGORITHMS.get(key.curve_name):
        raise NotSigned("the signature names another algorithm than its key has")
    whole = f"{header}.{_base64url(content)}.{rest}"
    if not _is_canonical(rest):
        raise NotSigned("the signature is not written as one")
    try:
        jws.deserialize_compact(whole, key, algorithms=[str(named["alg"])])
    except (JoseError, ValueError):
        raise NotSigned(f"the signature by the key {key.kid} does not fit what it is said to sign") from None
    return str(key.kid)


def _public(jwk: Mapping[str, object]) -> SealingKey:
    public = {name: value for name, value in jwk.items() if name in ("kty", "crv", "x", "y")}
    return _named(public)


def _named(jwk: dict[str, object]) -> SealingKey:
    """With its thumbprint as `kid`, whatever it was called: so nobody can pass a key off under another's name."""
    try:
        key = _imported(jwk)
        return _imported(jwk | {"kid": key.thumbprint()})
    except (JoseError, LookupError, ValueError, TypeError):
        raise NotAKey(_EXPECTED) from None


def _imported(jwk: Mapping[str, object]) -> SealingKey:
    text: dict[str, str | list[str]] = {name: str(value) for name, value in jwk.items()}
    key: SealingKey = ECKey.import_key(text) if text.get("kty") == "EC" else OKPKey.import_key(text)
    if key.curve_name not in _ALGORITHMS:
        raise NotAKey(_EXPECTED)
    return key


def _read(text: str) -> SealingKey:
    found = _json(text)
    if isinstance(found, dict):
        return _named(found)
    for type_ in (OKPKey, ECKey):
        try:
            key: SealingKey = type_.import_key(text)
        except (JoseError, LookupError, ValueError, TypeError, AttributeError):
            continue
        if key.curve_name in _ALGORITHMS:
            return key
    raise NotAKey(_EXPECTED)


def _json(text: str) -> object:
    if not text.lstrip().startswith("{"):
        return None
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise NotAKey(_EXPECTED) from None


def _header(text: str) -> dict[str, object]:
    try:
        found = msgspec.json.decode(_decoded(text))
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise NotSigned("the signature is not written as one") from None
    if not isinstance(found, dict):
        raise NotSigned("the signature is not written as one")
    return found


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _is_canonical(text: str) -> bool:
    """Whether it is the one way to write its bytes: the last letter has bits that mean nothing."""
    try:
        return _base64url(_decoded(text)) == text
    except ValueError:
        return False
