"""The demo runs `agentidctl` as a person does, and shows what it was asked and what it said."""

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import screen

BUILT = Path(__file__).resolve().parents[2] / ".build/release/agentidctl"


class CommandLine:
    """`agentidctl` in the demo's directory, where the authority is `acme`."""

    def __init__(self, folder: Path) -> None:
        program = os.environ.get("AGENTIDCTL") or (str(BUILT) if BUILT.exists() else shutil.which("agentidctl"))
        if program is None:
            raise FileNotFoundError("agentidctl is absent (`make build` builds it)")
        self._program, self._folder = program, folder

    def ask(self, *arguments: str) -> str:
        """Runs a command; what it says on stdout."""
        said = subprocess.run([self._program, *arguments], cwd=self._folder, capture_output=True, encoding="utf-8", timeout=60)
        screen.check(said.returncode == 0, f"agentidctl {arguments[0]} ended with {said.returncode} {said.stderr.strip()}")
        return said.stdout

    def read(self, *arguments: str) -> Any:
        """As `ask`, with `--json`."""
        return json.loads(self.ask(*arguments, "--json") or "null")

    def show(self, *arguments: str) -> None:
        """As `ask`, before the person's eyes."""
        screen.line(screen.paint(screen.CYAN, "$ " + shlex.join(["agentidctl", *arguments])))
        screen.indented(self.ask(*arguments))
