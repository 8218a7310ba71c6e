"""A process as agents live in: starts one, two below it, a secret for the deepest; prints their IDs and waits.

Arguments: the authority's directory, the lease's duration. Never says goodbye: who runs it kills it.
"""
import json
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Bindings/python"))
os.environ.setdefault("AGENTID_LIBRARY", str(ROOT / ".build/release/libagentid.so"))
import libagentid  # noqa: E402

HOSTILE = "x\x1b[2J\u202eevil\nresearcher/000000000000  live\u2028<b>&amp;\x07"


class Provider:
    release_command = ()

    def acquire(self, request):
        return "secret"

    def release(self, lease):
        pass


home, lease_duration = sys.argv[1:]
authority = libagentid.Authority.open(home, must_exist=True, lease_duration=int(lease_duration))
authority.add_provider("vault", Provider())
root = authority.agent("researcher", principal="user:alice@acme.example", task="Q3 review",
                       scope="read_file(path under '/data')")
reader = root.spawn("reader", same_scope=True)
scanner = reader.spawn("scanner", same_scope=True)
stranger = authority.agent("researcher", principal="user:eve@acme.example", task=HOSTILE, scope="search")
guard = authority.guard(audience="files")
tool, arguments = "read_file", {"path": "/data/a"}
decision = guard.authorize(tool, arguments, chain=scanner.chain, proof=scanner.prove(tool, arguments, audience="files"))
lease = authority.acquire(decision, "vault", "db/reports", 60)
print(json.dumps({"root": root.id, "reader": reader.id, "scanner": scanner.id, "stranger": stranger.id,
                  "lease": lease.id}), flush=True)
sys.stdin.read()
