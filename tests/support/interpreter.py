"""What a figure depends on beside the code: the interpreter, how it was built, the processors and their load."""

import os
import platform
import re
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

_OPTIMISED = "--enable-optimizations"  # CPython's own name: compiled again by a profile of what it does most
_WARNING = (
    "WARNING: this interpreter was built without optimisation (--enable-optimizations), as pyenv does by default.",
    "Tallystick needs 6 to 20% more of the processor on it than on Debian's, on uv's or in Python's own images.",
)
_NOT_RECORDED = ("Whether this interpreter was built with optimisation is not recorded: name it beside every figure.",)
_DISTRIBUTIONS = ("debian", "ubuntu")


@dataclass(frozen=True, slots=True)
class Build:
    """What an interpreter knows of how it was built, and where it lies.

    `configured` are the arguments of CPython's `configure`, empty where they are not recorded; `distribution` the id of
    the operating system, or of the one that it is like.
    """

    configured: str
    flags: str
    prefix: str
    distribution: str

    @property
    def kind(self) -> str:
        """Who built it, where that can be told."""
        if self._is_of_distribution:
            return self.distribution.capitalize()
        if "pyenv" in self.prefix:
            return "pyenv"
        if "--prefix=/install" in self.configured:  # python-build-standalone, relocated afterwards
            return "uv"
        return "of unknown origin"

    @property
    def is_optimised(self) -> bool | None:
        """Whether it was compiled by a profile; None where nothing says so or otherwise.

        Debian's and Ubuntu's settings are those of the shared library. The program is compiled by a profile on usual
        processors, and that is kept out of them (the package's changelog; Debian's bug 934771).
        """
        if self._is_of_distribution or _OPTIMISED in self.configured:
            return True
        return False if self.configured else None

    @property
    def level(self) -> str:
        """The compiler's own level of optimisation, the last of those that were given; empty where none is known."""
        levels = re.findall(r"(?<!\S)-O\w*", self.flags)
        return levels[-1] if levels else ""

    @property
    def _is_of_distribution(self) -> bool:
        return self.prefix == "/usr" and self.distribution in _DISTRIBUTIONS


def this_build() -> Build:
    """That of the interpreter which runs this."""
    known = sysconfig.get_config_vars()
    return Build(
        configured=str(known.get("CONFIG_ARGS") or ""),
        flags=str(known.get("PY_CFLAGS") or ""),
        prefix=sys.base_prefix,
        distribution=_distribution(),
    )


def described(build: Build) -> list[str]:
    """Lines to print before any figure: the interpreter, with a warning where it was not optimised, and the machine."""
    is_optimised = build.is_optimised
    how = {True: "built with optimisation", False: "built without optimisation", None: "built in an unknown way"}
    parts = [f"{platform.python_implementation()} {platform.python_version()}", build.kind, how[is_optimised]]
    warning = {True: (), False: _WARNING, None: _NOT_RECORDED}
    return [", ".join([*parts, *([build.level] if build.level else [])]), *warning[is_optimised], _machine()]


def _machine() -> str:
    load = f", load {os.getloadavg()[0]:.1f} before the bench" if hasattr(os, "getloadavg") else ""
    return f"{os.cpu_count()} processors ({_processor()}){load}"


def _processor() -> str:
    listed = Path("/proc/cpuinfo")
    models = re.findall(r"^model name\s*: (.+)$", listed.read_text("utf-8"), re.MULTILINE) if listed.exists() else []
    return models[0] if models else platform.machine()


def _distribution() -> str:
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return ""
    ids = [release.get("ID", ""), *release.get("ID_LIKE", "").split()]
    return next((each for each in ids if each in _DISTRIBUTIONS), ids[0])
