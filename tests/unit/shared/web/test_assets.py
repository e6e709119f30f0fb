"""What is shipped to browsers: cached for ever under its content's hash, and nothing that licences forbid."""

import hashlib
import re
from importlib.resources import files

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from shared.web.assets import asset_url, assets

NAMES = ("govuk.css", "tallystick.css", "live.js", "favicon.svg")
# GDS Transport is licensed for GOV.UK domains only; the crown and the crest are reserved too.
RESERVED = re.compile(rb"gds.?transport|@font-face|crown(?! copyright)|crest", re.IGNORECASE)


def client() -> TestClient:
    app = FastAPI()
    app.include_router(assets())
    return TestClient(app)


@pytest.mark.parametrize("name", NAMES)
def test_an_assets_address_holds_the_hash_of_what_is_served_there(name: str) -> None:
    served = client().get(asset_url(name))

    assert served.status_code == 200
    assert hashlib.sha256(served.content).hexdigest()[:12] in asset_url(name)
    assert served.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("govuk.css", "text/css; charset=utf-8"),
        ("live.js", "text/javascript; charset=utf-8"),
        ("favicon.svg", "image/svg+xml"),
    ],
)
def test_an_asset_says_what_it_is(name: str, media_type: str) -> None:
    assert client().get(asset_url(name)).headers["content-type"] == media_type


@pytest.mark.parametrize("path", ["/assets/govuk.css", "/assets/govuk.000000000000.css", "/assets/..%2Fassets.py"])
def test_nothing_else_is_served(path: str) -> None:
    assert client().get(path).status_code == 404


def test_a_name_that_is_not_shipped_is_an_error() -> None:
    with pytest.raises(KeyError, match=r"logo\.png"):
        asset_url("logo.png")


@pytest.mark.parametrize("name", NAMES)
def test_neither_the_font_nor_the_crown_nor_the_crest_is_shipped(name: str) -> None:
    assert not RESERVED.findall(client().get(asset_url(name)).content)


@pytest.mark.parametrize("name", ["govuk.css", "tallystick.css"])
def test_a_style_sheet_loads_nothing(name: str) -> None:
    assert not re.findall(r"url\(|@import", client().get(asset_url(name)).text)


def test_the_licence_of_govuk_frontend_is_beside_it() -> None:
    licence = files("shared.web").joinpath("static", "govuk", "LICENSE.txt").read_text(encoding="utf-8")

    assert licence.startswith("The MIT License (MIT)")
