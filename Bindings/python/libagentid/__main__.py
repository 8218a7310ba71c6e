"""`python -m libagentid`: the command line `agentidctl`, which the wheel carries; `agentidctl mcp` is in Python."""

import os
import sys
from pathlib import Path
from typing import NoReturn


def main() -> NoReturn:
    """Becomes `agentidctl` with this process's arguments, standard streams and environment."""
    if sys.argv[1:2] == ["mcp"]:
        from .mcp.__main__ import main as mcp

        sys.exit(mcp(sys.argv[2:]))
    here = Path(__file__).resolve().parent
    for program in (here / "bin" / "agentidctl", here.parents[2] / ".build" / "release" / "agentidctl"):
        if program.is_file():
            sys.stdout.flush()
            sys.stderr.flush()
            os.execv(program, ["agentidctl", *sys.argv[1:]])
    sys.exit("agentidctl is not in this package: install the wheel, or the Debian package agentidctl")


if __name__ == "__main__":
    main()
