"""Charts say in words and shapes what they show, and place it right."""

from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.web.charts.bars import Bar, bar_chart
from shared.web.charts.svg import Caption
from shared.web.charts.timeline import Marker, TimelineSegment, TimelineSegmentKind, timeline_chart

SVG = "{http://www.w3.org/2000/svg}"
CAPTION = Caption("c", "Charges <by> service", "One bar & one table")


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def segment(start: datetime, end: datetime, kind: TimelineSegmentKind) -> TimelineSegment:
    return TimelineSegment(start, end, kind, kind)


WEEK = [
    segment(at(5, 12), at(5, 18), "counted"),
    segment(at(5, 18), at(6, 0), "closed"),
    segment(at(6, 0), at(6, 6), "paused"),
    segment(at(6, 6), at(6, 12), "counted"),
]
CHARTS = [
    bar_chart(CAPTION, [Bar("Payroll", 1, "£0.01")]),
    timeline_chart(CAPTION, WEEK, due=None, stop=None),
]


def parsed(markup: str) -> ET.Element:
    return ET.fromstring(markup)  # noqa: S314 (our own output)


def words(root: ET.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def share(length: str | None) -> float:
    assert length is not None
    assert length.endswith("%")
    return float(length.removesuffix("%")) / 100


@pytest.mark.parametrize("chart", CHARTS)
def test_a_chart_is_announced_by_its_title_and_description(chart: str) -> None:
    root = parsed(chart)

    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")

    assert root.get("role") == "img"
    assert title is not None
    assert description is not None
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert (title.text, description.text) == (CAPTION.title, CAPTION.description)


@pytest.mark.parametrize("chart", CHARTS)
def test_a_chart_needs_no_style_and_no_script(chart: str) -> None:
    tags = {element.tag for element in parsed(chart).iter()}

    assert not tags & {f"{SVG}style", f"{SVG}script"}
    assert all("style" not in element.attrib for element in parsed(chart).iter())


@pytest.mark.parametrize("chart", CHARTS)
def test_a_chart_takes_the_width_of_its_place_and_keeps_its_text_size(chart: str) -> None:
    root = parsed(chart)

    assert root.get("width") == "100%"
    assert root.get("viewBox") is None


def test_ids_in_a_chart_begin_with_its_name() -> None:
    named = [element.get("id") for chart in CHARTS for element in parsed(chart).iter() if element.get("id")]

    assert all(name and name.startswith("c-") for name in named)


@given(st.lists(st.integers(-(10**9), 10**9), max_size=8))
def test_bars_stay_in_the_chart_and_are_in_proportion(values: list[int]) -> None:
    chart = parsed(bar_chart(CAPTION, [Bar("Service", value, str(value)) for value in values]))

    bars = chart.findall(f"{SVG}rect")
    starts, widths = ([share(bar.get(name)) for bar in bars] for name in ("x", "width"))
    assert len(bars) == len(values)
    assert all(start >= 0 and start + width <= 1.0001 for start, width in zip(starts, widths, strict=True))
    span = max([0, *values]) - min([0, *values]) or 1
    assert widths == pytest.approx([abs(value) / span for value in values], abs=1e-5)


def test_an_amount_below_zero_is_hatched_and_left_of_zero() -> None:
    chart = parsed(bar_chart(CAPTION, [Bar("Payroll", 300, "£3.00"), Bar("ICT", -100, "−£1.00 credit")]))

    payroll, ict = chart.findall(f"{SVG}rect")

    assert (share(payroll.get("x")), share(payroll.get("width"))) == (0.25, 0.75)
    assert (share(ict.get("x")), share(ict.get("width"))) == (0, 0.25)
    assert ict.get("fill") == "url(#c-hatching)"


def test_a_long_label_is_wrapped_and_whole() -> None:
    chart = parsed(bar_chart(CAPTION, [Bar("Training and development administration", 1, "£0.01")]))

    assert words(chart) == ["Training and development", "administration", "£0.01"]


def test_segments_cover_the_timeline_without_a_gap() -> None:
    chart = parsed(timeline_chart(CAPTION, WEEK, due=None, stop=None))

    segments = [rect for rect in chart.findall(f"{SVG}rect") if rect.find(f"{SVG}title") is not None]

    assert [(share(rect.get("x")), share(rect.get("width"))) for rect in segments] == [
        (0, 0.25),
        (0.25, 0.25),
        (0.5, 0.25),
        (0.75, 0.25),
    ]
    assert [rect.findtext(f"{SVG}title") for rect in segments] == ["counted", "closed", "paused", "counted"]


def test_each_kind_of_segment_has_a_look_of_its_own_without_colour() -> None:
    chart = parsed(timeline_chart(CAPTION, WEEK, due=None, stop=None))

    segments = [rect for rect in chart.findall(f"{SVG}rect") if rect.find(f"{SVG}title") is not None]
    looks = {
        (rect.findtext(f"{SVG}title"), rect.get("height"), (rect.get("fill") or "").startswith("url"))
        for rect in segments
    }

    assert looks == {("counted", "40", False), ("paused", "40", True), ("closed", "6", False)}


def test_a_due_instant_after_the_last_segment_widens_the_timeline() -> None:
    chart = parsed(
        timeline_chart(CAPTION, [segment(at(5, 12), at(5, 18), "counted")], due=Marker("Due", at(6, 0)), stop=None)
    )

    rect = chart.find(f"{SVG}rect")

    assert rect is not None
    assert share(rect.get("width")) == 0.5
    assert "Due 6 Nov midnight" in words(chart)


def test_due_is_dashed_and_stop_is_solid() -> None:
    chart = parsed(timeline_chart(CAPTION, WEEK, due=Marker("Due", at(6, 0)), stop=Marker("Stopped", at(6, 12))))

    dashes = [line.get("stroke-dasharray") for line in chart.findall(f"{SVG}line") if line.get("stroke") == "#0b0c0c"]

    assert dashes == ["6 4", "none"]


def test_a_timeline_across_the_clock_change_is_to_scale_in_elapsed_time() -> None:
    # Sunday 25 October 2026 has 25 hours: 00:00 to 01:00 UTC is the first 1am hour's end, not half the night.
    night = [
        segment(datetime(2026, 10, 24, 23, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC), "counted"),
        segment(datetime(2026, 10, 25, 1, tzinfo=UTC), datetime(2026, 10, 25, 3, tzinfo=UTC), "paused"),
    ]
    chart = parsed(timeline_chart(CAPTION, night, due=None, stop=None))

    segments = [rect for rect in chart.findall(f"{SVG}rect") if rect.find(f"{SVG}title") is not None]

    assert [share(rect.get("width")) for rect in segments] == [0.5, 0.5]
