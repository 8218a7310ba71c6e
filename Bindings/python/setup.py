"""Puts libagentid and agentidctl into the package: those of this source tree, or the library that AGENTID_LIBRARY names.

AGENTIDCTL names the command line; without it the one beside the library is taken, if there is one."""

import os
import shutil
import subprocess
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parents[2]


def built() -> tuple[Path, Path | None]:
    """The library, and the command line if there is one."""
    named = os.environ.get("AGENTID_LIBRARY")
    if named:
        library = Path(named).resolve(strict=True)
        program = Path(os.environ.get("AGENTIDCTL") or library.with_name("agentidctl"))
        return library, program if program.is_file() else None
    if not (ROOT / "Package.swift").is_file() or shutil.which("swift") is None:
        raise SystemExit("libagentid: set AGENTID_LIBRARY to libagentid.so, or build it here with Swift 6.2 or later")
    for product in ("agentid", "agentidctl"):
        flags = subprocess.check_output(["make", "-s", "release-flags"], cwd=ROOT, text=True)
        subprocess.run(["swift", "build", *flags.split(), "--product", product], cwd=ROOT, check=True)
    release = ROOT / ".build" / "release"
    return release / "libagentid.so", release / "agentidctl"


def put(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
    if shutil.which("strip"):
        subprocess.run(["strip", "--strip-unneeded", str(target)], check=True)


class BuildWithLibrary(build_py):
    def run(self) -> None:
        super().run()
        package = Path(self.build_lib) / "libagentid"
        library, program = built()
        put(library, package / "libagentid.so.0")
        if program:
            put(program, package / "bin" / "agentidctl")


class ForEveryPython(bdist_wheel):
    def get_tag(self) -> tuple[str, str, str]:
        return "py3", "none", super().get_tag()[2]  # ctypes loads the library: no Python's ABI is in it


class WithLibrary(Distribution):
    def has_ext_modules(self) -> bool:
        return True  # what lies beside the modules is for one platform


setup(cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": ForEveryPython}, distclass=WithLibrary)
