"""What is wrong with an input, as values: validation returns all of them, it never stops at the first."""

from dataclasses import dataclass
from urllib.parse import quote

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that is wrong, and where: the keys and indexes that lead there from the whole."""

    path: Path
    message: str

    @property
    def pointer(self) -> str:
        """The place as a JSON pointer in a URI fragment (RFC 6901, section 6): `#/targets/0/within`."""
        return "#" + "".join("/" + quote(_escaped(step), safe="~!$&'()*+,;=:@") for step in self.path)

    def below(self, *prefix: str | int) -> "Fault":
        """The same fault, seen from the whole that holds this input at `prefix`."""
        return Fault((*prefix, *self.path), self.message)

    def __str__(self) -> str:
        return f"{self.pointer}: {self.message}"


def _escaped(step: str | int) -> str:
    return str(step).replace("~", "~0").replace("/", "~1").encode("utf-8", "replace").decode()
