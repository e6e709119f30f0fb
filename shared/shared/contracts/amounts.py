"""Money and percentages as they are written in a contract: decimal text, because programs round numbers."""

from typing import Annotated

from msgspec import Meta

Amount = Annotated[
    str, Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,6})?(?![\s\S])", description="pounds as a decimal string: '0.0375'")
]
Percent = Annotated[
    str, Meta(pattern=r"^(100|[0-9]{1,2}(\.[0-9]{1,3})?)(?![\s\S])", description="0 to 100, as a string")
]
