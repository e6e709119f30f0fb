"""Stylesheets and the icon, served from memory under names that hold their content's hash."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from fastapi import APIRouter, HTTPException, Response

_MEDIA_TYPES = {"css": "text/css; charset=utf-8", "svg": "image/svg+xml"}
_SOURCES = ("govuk/govuk.css", "tallystick.css", "favicon.svg")
_FOR_EVER = "public, max-age=31536000, immutable"  # a changed file gets another name


@dataclass(frozen=True, slots=True)
class Asset:
    """A file and the name that it is served under: `tallystick.<hash>.css`."""

    served_as: str
    media_type: str
    content: bytes


class UnknownAsset(LookupError):
    """No file of that name is shipped."""


def asset_url(name: str) -> str:
    """The address of the asset that is called `name` in the source: `tallystick.css`. Raises `UnknownAsset`."""
    try:
        return f"/assets/{_shipped()[name].served_as}"
    except KeyError:
        raise UnknownAsset(f"expected one of {', '.join(_shipped())}, got {name!r}") from None


def assets() -> APIRouter:
    """Routes for `/assets/…`: cached for ever by browsers, 404 for anything not shipped."""
    router = APIRouter(include_in_schema=False)
    by_served_name = {asset.served_as: asset for asset in _shipped().values()}

    @router.get("/assets/{name}")
    def asset(name: str) -> Response:
        found = by_served_name.get(name)
        if found is None:
            raise HTTPException(404, "No such asset.")
        return Response(found.content, media_type=found.media_type, headers={"Cache-Control": _FOR_EVER})

    return router


@lru_cache(maxsize=1)
def _shipped() -> dict[str, Asset]:
    return {source.rpartition("/")[2]: _read(source) for source in _SOURCES}


def _read(source: str) -> Asset:
    content = files("shared.web").joinpath("static", source).read_bytes()
    stem, _, suffix = source.rpartition("/")[2].rpartition(".")
    digest = hashlib.sha256(content).hexdigest()[:12]
    return Asset(f"{stem}.{digest}.{suffix}", _MEDIA_TYPES[suffix], content)
