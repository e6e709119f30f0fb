"""The dashboards as files that Grafana provisions: `python -m tallystick.dashboards`.

Run it after a change of a dashboard. With `--pages`, `--docs` and `--folder` it writes a copy whose links lead to
your own addresses.
"""

import argparse
import json
from pathlib import Path

from tallystick.dashboards.billing_run import BILLING_RUN
from tallystick.dashboards.dashboard import Addresses, file_name
from tallystick.dashboards.one_council import ONE_COUNCIL_DASHBOARD
from tallystick.dashboards.pipeline import PIPELINE_HEALTH
from tallystick.dashboards.today import TODAY

DASHBOARDS = (TODAY, ONE_COUNCIL_DASHBOARD, PIPELINE_HEALTH, BILLING_RUN)
COMMITTED = "deploy/grafana/dashboards"
LOCAL = Addresses(pages="http://localhost:8080", docs="http://localhost:8080/docs")


def files(addresses: Addresses) -> dict[str, str]:
    """The text of each file by its name."""
    return {file_name(each): json.dumps(each.to_json(addresses), indent=2) + "\n" for each in DASHBOARDS}


def main() -> None:
    """The files are in the folder."""
    parser = argparse.ArgumentParser(
        prog="python -m tallystick.dashboards", description="Write the Grafana dashboards."
    )
    parser.add_argument("--pages", default=LOCAL.pages, help="where the pages for councils are (default: %(default)s)")
    parser.add_argument("--docs", default=LOCAL.docs, help="where docs/ of this release is (default: %(default)s)")
    parser.add_argument("--folder", type=Path, default=Path(COMMITTED), help="where to write (default: %(default)s)")
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    for name, text in files(Addresses(chosen.pages.rstrip("/"), chosen.docs.rstrip("/"))).items():
        (chosen.folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
