"""Why a booked line comes out otherwise now."""

from typing import Literal

# first: the line's month was not booked yet · usage: it counts other usage · terms: other tariffs, prices or days
# vat: another treatment or rate · service-results: a credit of other results or charges
# rules: other rules of rating · other-lines: a limit, a discount or a tier follows from earlier lines
# query: the council queried the line, and was credited
Cause = Literal["first", "usage", "terms", "vat", "service-results", "rules", "other-lines", "query"]
