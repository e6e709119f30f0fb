"""A private key that a service makes once and keeps in a file which only its owner can read."""

import os
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from shared.startup_errors import InvalidSettings


def read_key(text: str, *, setting: str) -> OKPKey:
    """The private key of Ed25519 in PEM (PKCS 8) or as a JWK, with its thumbprint as `kid`.

    Raises `InvalidSettings`, naming the `setting` that it came from.
    """
    try:
        key = OKPKey.import_key(msgspec.json.decode(text) if text.lstrip().startswith("{") else text)
    except (JoseError, LookupError, ValueError, TypeError, msgspec.DecodeError):
        raise InvalidSettings(f"{setting} has no Ed25519 key in PEM or JWK") from None
    if key.curve_name != "Ed25519" or not key.is_private:
        raise InvalidSettings(f"{setting} has another key than a private one of Ed25519")
    return OKPKey.import_key(dict(key.as_dict(private=True)) | {"kid": key.thumbprint()})


def key_kept_in(file: Path, *, setting: str) -> OKPKey:
    """The key in `file`, which only its owner can read; made where there is none. Raises `InvalidSettings`.

    The file is written aside and takes its name when it is whole, by a hard link, which the file system has to know:
    whoever comes second never reads half a key.
    """
    if not file.exists():
        with NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.") as new:
            new.write(msgspec.json.encode(OKPKey.generate_key("Ed25519").as_dict(private=True)))
            new.flush()
            os.fsync(new.fileno())
            with suppress(FileExistsError):
                os.link(new.name, file)
    return read_key(file.read_text(encoding="utf-8"), setting=setting)
