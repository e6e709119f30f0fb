"""The Jinja environment of every service that shows pages."""

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from shared.web import formats
from shared.web.assets import asset_url


def environment(*packages: str) -> Environment:
    """Templates of `packages` (each from its `templates` folder, earlier ones first) over the shared layout.

    Everything is escaped, an unknown name is an error, and the functions of `formats` are filters by their names.
    """
    made = Environment(
        loader=ChoiceLoader([PackageLoader(package) for package in (*packages, "shared.web")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update({name: getattr(formats, name) for name in formats.__all__})
    made.globals["asset_url"] = asset_url
    return made
