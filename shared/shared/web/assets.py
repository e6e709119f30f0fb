"""Stylesheets, a script and the icon, served from memory under names with their hash: `tallystick.<hash>.css`."""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from fastapi import APIRouter, HTTPException, Response

_MEDIA_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_SOURCES = ("govuk/govuk.css", "tallystick.css", "live.js", "favicon.svg")
_FOR_EVER = "public, max-age=31536000, immutable"  # a changed file gets another name


def asset_url(name: str) -> str:
    """The address of the asset that is called `name` in the source: `tallystick.css`; raises `KeyError`."""
    return f"/assets/{_served_names()[name]}"


def assets() -> APIRouter:
    """Routes for `/assets/…`: cached for ever by browsers, 404 for anything not shipped."""
    router = APIRouter(include_in_schema=False)
    contents = {_served_names()[source.rpartition("/")[2]]: _content(source) for source in _SOURCES}

    @router.get("/assets/{name}")
    def asset(name: str) -> Response:
        if name not in contents:
            raise HTTPException(404)
        media_type = _MEDIA_TYPES[name.rpartition(".")[2]]
        return Response(contents[name], media_type=media_type, headers={"Cache-Control": _FOR_EVER})

    return router


@cache
def _served_names() -> Mapping[str, str]:
    names = {}
    for source in _SOURCES:
        name = source.rpartition("/")[2]
        stem, _, suffix = name.rpartition(".")
        names[name] = f"{stem}.{hashlib.sha256(_content(source)).hexdigest()[:12]}.{suffix}"
    return names


@cache
def _content(source: str) -> bytes:
    return files("shared.web").joinpath("static", source).read_bytes()
