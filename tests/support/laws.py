"""How hard laws are tried: 100 examples each by default, as many as LAW_EXAMPLES says in CI and in `make check-all`."""

import os

from hypothesis import settings

EXAMPLES = int(os.environ.get("LAW_EXAMPLES", "100"))

law = settings(max_examples=EXAMPLES, deadline=None)
# For a law that is tried for each row of a table of dozens: all its rows together have twice a law's examples or more.
law_of_each_row = settings(max_examples=max(EXAMPLES // 20, 5), deadline=None)
