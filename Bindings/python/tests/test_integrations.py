"""An integration whose framework is missing or too old says so, and what to install: it never runs unguarded."""

import importlib
import importlib.metadata
import pathlib
import re
import sys

import libagentid.integrations
import pytest
from libagentid.integrations import needs, wanted

FOLDER = pathlib.Path(libagentid.integrations.__file__).parent
MODULES = sorted({path.stem for path in FOLDER.glob("[a-z]*.py")} | {path.parent.name for path in FOLDER.glob("*/__init__.py")})


def test_there_are_modules():
    assert len(MODULES) >= 14


@pytest.mark.parametrize("module", MODULES)
def test_a_framework_that_is_missing_or_too_old_is_an_error_that_says_what_to_install(module, monkeypatch):
    def absent(name):
        raise importlib.metadata.PackageNotFoundError(name)

    for version, said in ((absent, "not installed"), (lambda _: "0.0.1", "0.0.1 is installed")):
        monkeypatch.setattr(libagentid.integrations, "version", version)
        for name in [each for each in sys.modules if each.startswith(f"libagentid.integrations.{module}")]:
            monkeypatch.delitem(sys.modules, name)
        with pytest.raises(ImportError, match=rf"{said}.*pip install 'libagentid\[") as missing:
            importlib.import_module(f"libagentid.integrations.{module}")
        named = re.match(r"libagentid\.integrations\.(\S+) needs", str(missing.value))
        assert named and named[1] in MODULES, missing.value


def test_the_oldest_version_of_a_framework_is_that_of_its_extra():
    project = (pathlib.Path(__file__).parents[1] / "pyproject.toml").read_text()
    extras = {name.lower(): least for name, least in re.findall(r'"([\w.-]+?)(?:\[\w+\])?>=([\d.]+)"', project)}
    needed = [each for path in FOLDER.rglob("*.py") for each in re.findall(r'needs\("([\w-]+)", "([\d.]+)"', path.read_text())]
    assert len(needed) >= 12 and [(name, extras.get(name)) for name, _ in needed] == needed


def test_what_is_guarded_is_what_a_framework_calls_so():
    wanted([], "__iter__", "a list of tools")
    with pytest.raises(TypeError, match="what is guarded is an Agent, not list"):
        wanted([], "handoffs", "an Agent")


@pytest.mark.parametrize(("found", "least", "holds"), [
    ("1.10", "1.9", True), ("1.9", "1.10", False), ("2.0.0rc1", "1.0", True), ("1", "1.0", True), ("1.0.post1", "1.0", True),
])  # fmt: skip
def test_versions_are_compared_by_their_numbers(monkeypatch, found, least, holds):
    monkeypatch.setattr(libagentid.integrations, "version", lambda _: found)
    if holds:
        assert needs("x", least, "x") == found
    else:
        with pytest.raises(ImportError):
            needs("x", least, "x")
