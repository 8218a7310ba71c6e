"""A folder in which Go builds the interceptors, and the programs that the tests start."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
TREE = ROOT / ".build-integrations/grpc_go-tree"


@pytest.fixture(scope="session")
def go():
    """Runs Go in that folder, against the library of the tests. The sources of grpc are Debian's: nothing is fetched."""
    beside = ["ends=Tests/Integrations/grpc_go/ends", "example=examples/go-grpc"]
    subprocess.run([sys.executable, ROOT / "scripts/go-grpc.py", TREE, *beside], check=True)
    library = pathlib.Path(os.environ.get("AGENTID_LIBRARY", ROOT / ".build/release/libagentid.so")).resolve()
    found = TREE / "library"
    found.mkdir()
    for name in ("libagentid.so", "libagentid.so.0"):
        (found / name).symlink_to(library)
    (found / "agentid.pc").write_text(
        f"Name: agentid\nDescription: as built\nVersion: 0\nCflags: -I{ROOT / 'Include'}\nLibs: -L{found} -lagentid\n"
    )
    variables = {
        **os.environ,
        "GOTOOLCHAIN": "local",
        "GOPROXY": "off",
        "GOFLAGS": "-mod=vendor",
        "CGO_ENABLED": "1",
        "PKG_CONFIG_PATH": str(found),
        "LD_LIBRARY_PATH": str(found),
    }
    variables["GOCACHE"] = os.environ.get("GOCACHE", str(ROOT / ".build-integrations/go-cache"))
    headers = "".join(path.read_text() for path in sorted((ROOT / "Include").glob("*.h")))
    variables["CGO_CFLAGS"] = f"-g -O2 -Wall -Werror -DAGENTID_HEADERS={len(headers)}"  # Go's cache does not look into them
    compiler = shutil.which("go", path=f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}")

    def go(*arguments):
        done = subprocess.run([compiler, *arguments], cwd=TREE, env=variables, capture_output=True, text=True)
        assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
        return done.stdout

    go.variables = variables
    return go


@pytest.fixture(scope="session")
def ends(go):
    """The Go program ends, and what it runs in."""
    go("build", "-o", "ends.bin", "./ends")
    return TREE / "ends.bin", go.variables
