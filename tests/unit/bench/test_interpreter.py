"""How an interpreter was built, from what `sysconfig` says of it."""

import pytest

from tests.support.interpreter import Build, described, this_build

PYENV = Build(
    "'--prefix=/pyenv/versions/3.11.7' '--enable-shared'", "-DNDEBUG -g -fwrapv -O3 -Wall", "/pyenv/3.11", "debian"
)
DEBIAN = Build("'--enable-shared' '--prefix=/usr'", "-DNDEBUG -g -O2 -Wall -g -fwrapv -O2", "/usr", "debian")
UBUNTU = Build("'--enable-shared' '--prefix=/usr'", "-g -O2", "/usr", "ubuntu")
IMAGE = Build("'--enable-optimizations' '--with-lto'", "-fno-semantic-interposition -O3", "/usr/local", "debian")
STANDALONE = Build(
    "'--prefix=/install' '--enable-optimizations' '--with-lto'", "-O3 -fPIC", "/data/uv/python/x", "debian"
)
WINDOWS = Build("", "", "C:\\Python", "")


@pytest.mark.parametrize(
    ("build", "kind", "is_optimised", "level"),
    [
        pytest.param(PYENV, "pyenv", False, "-O3", id="pyenv without options"),
        pytest.param(DEBIAN, "Debian", True, "-O2", id="Debian, whose settings are its library's"),
        pytest.param(UBUNTU, "Ubuntu", True, "-O2", id="Ubuntu"),
        pytest.param(IMAGE, "of unknown origin", True, "-O3", id="Python's own image, which lies elsewhere on Debian"),
        pytest.param(STANDALONE, "uv", True, "-O3", id="uv"),
        pytest.param(WINDOWS, "of unknown origin", None, "", id="nothing recorded"),
    ],
)
def test_a_build_says_who_made_it_and_whether_it_was_optimised(
    build: Build, kind: str, is_optimised: bool | None, level: str
) -> None:
    assert (build.kind, build.is_optimised, build.level) == (kind, is_optimised, level)


@pytest.mark.parametrize(
    ("build", "words", "warnings"),
    [
        pytest.param(PYENV, "built without optimisation", 1, id="warned of"),
        pytest.param(DEBIAN, "built with optimisation", 0, id="nothing to warn of"),
        pytest.param(WINDOWS, "built in an unknown way", 0, id="not known"),
    ],
)
def test_only_a_build_without_optimisation_is_warned_of(build: Build, words: str, warnings: int) -> None:
    first, *others = described(build)

    assert words in first
    assert sum(line.startswith("WARNING") for line in others) == warnings


def test_the_running_interpreter_and_the_processors_are_described() -> None:
    lines = described(this_build())

    assert lines[0].startswith("CPython 3.")
    assert "processors" in lines[-1]
