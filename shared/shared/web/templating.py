"""The Jinja environment of every service that shows pages."""

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from shared.money import format_gbp, format_gbp_prose
from shared.web import formats
from shared.web.assets import asset_url


def environment(*packages: str) -> Environment:
    """Templates of `packages` (each from its `templates` folder, earlier ones first) over the shared layout.

    Everything is escaped and an unknown name is an error. The functions of `formats` are filters by their names, and
    so are `format_gbp` for tables and `format_gbp_prose` for sentences.
    """
    made = Environment(
        loader=ChoiceLoader([PackageLoader(package) for package in (*packages, "shared.web")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update({name: getattr(formats, name) for name in formats.__all__})
    made.filters.update(format_gbp=format_gbp, format_gbp_prose=format_gbp_prose)
    made.globals["asset_url"] = asset_url
    return made
