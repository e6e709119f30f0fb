"""How hard the laws of the SLA engine are tried: a little at every run, 2,000 examples each in CI."""

import os

from hypothesis import settings

_IN_CI = bool(os.environ.get("CI"))

law = settings(max_examples=2000 if _IN_CI else 200, deadline=None)
