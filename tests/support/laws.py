"""How hard the laws of the SLA engine are tried: a little at every run, 2,000 examples each in CI."""

import os

from hypothesis import settings

_IN_CI = bool(os.environ.get("CI"))

law = settings(max_examples=2000 if _IN_CI else 200, deadline=None)
# For laws whose oracle walks ten days minute by minute: half a second an example.
slow_law = settings(max_examples=200 if _IN_CI else 25, deadline=None)
