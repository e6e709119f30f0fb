"""The root of every chart, its text alternative, and the few SVG shapes that charts are made of."""

from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from markupsafe import Markup

INK = "#0b0c0c"
BLUE = "#12436d"
GRID = "#b1b4b6"
WHITE = "#ffffff"
LINE_HEIGHT = 20
_BASELINE = 15  # of text within its line


@dataclass(frozen=True, slots=True)
class Caption:
    """What a chart is called and says in words. `name` is an HTML id, unique on the page."""

    name: str
    title: str
    description: str


def chart_root(caption: Caption, *, height: int) -> Element:
    """An empty chart of `height` pixels, as wide as its place; screen readers announce its title and description."""
    title_id, description_id = f"{caption.name}-title", f"{caption.name}-description"
    root = Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "width": "100%",
            "height": str(height),
            "role": "img",
            "aria-labelledby": f"{title_id} {description_id}",
            "font-family": "Arial, Liberation Sans, sans-serif",
            "font-size": "16",
            "fill": INK,
            "overflow": "visible",  # a marker at the very end is drawn whole
        },
    )
    SubElement(root, "title", {"id": title_id}).text = caption.title
    SubElement(root, "desc", {"id": description_id}).text = caption.description
    return root


def hatching(root: Element, caption: Caption) -> str:
    """A fill of diagonal stripes, defined in `root`."""
    pattern = SubElement(
        SubElement(root, "defs"),
        "pattern",
        {"id": f"{caption.name}-hatching", "width": "8", "height": "8", "patternUnits": "userSpaceOnUse"},
    )
    SubElement(pattern, "rect", {"width": "8", "height": "8", "fill": WHITE})
    SubElement(pattern, "path", {"d": "M-2 2 2-2M0 8 8 0M6 10 10 6", "stroke": BLUE, "stroke-width": "2"})
    return f"url(#{caption.name}-hatching)"


def text(root: Element, words: str, *, x: str, y: float, anchor: str = "start") -> None:
    """Words whose line begins `y` pixels from the top."""
    SubElement(root, "text", {"x": x, "y": pixels(y + _BASELINE), "text-anchor": anchor}).text = words


def rectangle(root: Element, *, x: str, width: str, y: float, height: float, fill: str) -> Element:
    """An outlined rectangle; `x` and `width` are SVG lengths: `12.5%` of the chart, or pixels."""
    place = {"x": x, "width": width, "y": pixels(y), "height": pixels(height)}
    return SubElement(root, "rect", {**place, "fill": fill, "stroke": BLUE, "stroke-width": "1"})


def vertical_line(
    root: Element, *, x: str, top: float, bottom: float, stroke: str = INK, width: int = 2, dashes: str = "none"
) -> None:
    """A line from `top` to `bottom`, in pixels, at the SVG length `x` from the left."""
    place = {"x1": x, "y1": pixels(top), "x2": x, "y2": pixels(bottom)}
    SubElement(root, "line", {**place, "stroke": stroke, "stroke-width": str(width), "stroke-dasharray": dashes})


def percent(share: float) -> str:
    """A share between 0 and 1 as an SVG length."""
    return f"{share * 100:.3f}".rstrip("0").rstrip(".") + "%"


def pixels(length: float) -> str:
    """A length in pixels, to a tenth."""
    return f"{length:.1f}".removesuffix(".0")


def to_markup(root: Element) -> Markup:
    """The chart as markup: safe in HTML, because the tree's texts are escaped by its writer."""
    return Markup(tostring(root, encoding="unicode"))  # noqa: S704 - written by an XML serialiser, not pasted together
