"""A service desk's export of a quarter and its mapping, made up: councils are real, every time and price is not."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

AS_OF = "2026-04-01T00:00:00+01:00"
MONTHS = ["2026-01", "2026-02", "2026-03"]
MAPPING = """
source: /replay/generated-desk
rows: item
kind: ticket
zone: UTC
item: ref
council: {column: council}
service: {constant: ict}
priority: {column: priority}
events:
  - {event: opened, column: opened}
  - {event: responded, column: responded}
  - {event: paused, column: paused, data: {reason: question, awaiting: council}}
  - {event: resumed, column: resumed}
  - {event: resolved, column: resolved}
trial:
  title: Desk (illustrative)
  provider: {id: desk, name: Desk (illustrative)}
  services:
    - {id: ict, name: ICT, group: ICT, unit: ticket, unit_name: resolved ticket, counted_by: tickets-resolved}
  calendars:
    - id: office
      name: Office hours (illustrative)
      weekly:
        mon: ["09:00-17:00"]
        tue: ["09:00-17:00"]
        wed: ["09:00-17:00"]
        thu: ["09:00-17:00"]
        fri: ["09:00-16:30"]
  targets:
    - {id: answered, service: ict, measure: response-time, within: 4 working hours, calendar: office}
    - {id: fixed-p1, service: ict, measure: resolution-time, within: 8 hours, when: {priority: [p1]}}
    - id: fixed
      service: ict
      measure: resolution-time
      within: 3 working days
      calendar: office
      when: {priority: [p3]}
  tariffs:
    - id: ict
      name: ICT (illustrative)
      service: ict
      illustrative: true
      charges:
        - {kind: standing, name: Standing, monthly_gbp: "1250.00"}
        - kind: graduated
          name: Tickets
          tiers:
            - {up_to: 100, price_gbp: "7.125"}
            - {price_gbp: "4.3333"}
"""
_COLUMNS = "ref,council,priority,opened,responded,paused,resumed,resolved"
_COUNCILS = ("adur", "bolsover", "chesterfield", "north-east-derbyshire", "worthing")
_QUARTER_S = 90 * 86_400


def ticket_export(folder: Path, *, tickets: int, seed: int) -> tuple[Path, Path]:
    """The export and its mapping, in `folder`. A tenth of the tickets are open, a third waited for their council."""
    folder.mkdir(parents=True, exist_ok=True)
    export, mapping = folder / "desk.csv", folder / "desk.yaml"
    chance = Random(seed)  # noqa: S311 (nothing secret: the same seed makes the same export)
    rows = [_row(number, chance) for number in range(tickets)]
    export.write_text("\n".join([_COLUMNS, *rows]) + "\n", encoding="utf-8")
    mapping.write_text(MAPPING, encoding="utf-8")
    return export, mapping


def _row(number: int, chance: Random) -> str:
    who = f"INC-{number},{chance.choice(_COUNCILS)},{chance.choice(('p1', 'p3', 'p3', 'p3'))}"
    return ",".join([who, *_times(chance)])


def _times(chance: Random) -> Iterator[str]:
    """Opened, responded, paused, resumed, resolved, each after the one before; blank where it did not happen."""
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(_QUARTER_S))
    waited, resolved = chance.random() < 1 / 3, chance.random() < 9 / 10
    for hours, happened in ((0, True), (6, True), (20, waited), (60, waited), (70, resolved)):
        at += timedelta(seconds=round(chance.expovariate(1) * hours * 3600))
        yield f"{at:%Y-%m-%dT%H:%M:%S}Z" if happened else ""
