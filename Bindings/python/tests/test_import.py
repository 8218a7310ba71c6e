"""What `import libagentid` brings along: little, for it stands at the start of every tool server and every command."""

import pathlib
import subprocess
import sys

import libagentid

HEAVY = {
    "argparse", "ast", "asyncio", "concurrent", "dataclasses", "datetime", "email", "hashlib", "importlib", "inspect", "jsonschema",
    "logging", "pathlib", "psycopg", "random", "secrets", "socket", "sqlite3", "ssl", "subprocess", "tempfile", "traceback",
    "typing_extensions", "urllib", "uuid",
}  # fmt: skip


def test_import_brings_no_heavy_module_along():
    script = f"""
import sys
sys.path.insert(0, {str(pathlib.Path(libagentid.__file__).parents[1])!r})
before = set(sys.modules)
import libagentid
print(*sorted(set(sys.modules) - before))
"""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], check=True, capture_output=True, text=True)
    brought = done.stdout.split()
    assert "libagentid._agent" in brought and "json" in brought
    assert not [
        name for name in brought if name.split(".")[0] in HEAVY or name.startswith(("libagentid.aio", "libagentid.postgres"))
    ]
