"""Puts libagentid into the package: the one AGENTID_LIBRARY names, or one built from the sources around this folder."""

import os
import shutil
import subprocess
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parents[2]


def library() -> Path:
    named = os.environ.get("AGENTID_LIBRARY")
    if named:
        return Path(named).resolve(strict=True)
    if not (ROOT / "Package.swift").is_file() or shutil.which("swift") is None:
        raise SystemExit("agentid: set AGENTID_LIBRARY to libagentid.so, or install from the source tree with Swift 6.2 or later")
    subprocess.run(["swift", "build", "-c", "release", "--product", "agentid"], cwd=ROOT, check=True)
    return ROOT / ".build" / "release" / "libagentid.so"


class BuildWithLibrary(build_py):
    def run(self) -> None:
        super().run()
        target = Path(self.build_lib) / "agentid" / "libagentid.so.0"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(library(), target)
        if shutil.which("strip"):
            subprocess.run(["strip", "--strip-unneeded", str(target)], check=True)


class ForEveryPython(bdist_wheel):
    def get_tag(self) -> tuple[str, str, str]:
        return "py3", "none", super().get_tag()[2]  # ctypes loads the library: no Python's ABI is in it


class WithLibrary(Distribution):
    def has_ext_modules(self) -> bool:
        return True  # what lies beside the modules is for one platform


setup(cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": ForEveryPython}, distclass=WithLibrary)
