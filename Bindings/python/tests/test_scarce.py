"""What is missing is named: a process that has no memory left is not told that its keys are damaged."""

import json
import subprocess
import sys
from pathlib import Path

import libagentid

SCARCE = """
import json, resource, sys
import libagentid
directory, key, chain, passphrase = json.load(sys.stdin)
# Once, so that all is loaded that it takes.
libagentid.Authority.open(directory, passphrase=passphrase).close()
taken = int(open("/proc/self/statm").read().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (taken + (12 << 20),) * 2)
for what in (
    lambda: libagentid.Agent.open(key, chain), lambda: libagentid.Authority.open(directory, passphrase=passphrase)
):
    try:
        what().close()
        print("done")
    except libagentid.Error as error:
        print(error.name)
"""


def test_a_key_that_there_is_no_memory_for_is_not_damaged(tmp_path: Path) -> None:
    directory = tmp_path / "acme"
    scope = "read(path under '/data')"
    with libagentid.Authority.open(directory, trust_domain="acme.example") as acme:
        acme.put_profile("p", owner="team:x@acme.example", ceiling=scope)
        agent = acme.agent("p", principal="user:alice@acme.example", task="t", scope=scope)
        key, chain = agent.export_key(), agent.chain
    told = json.dumps([str(directory), key, chain, None])
    done = subprocess.run([sys.executable, "-c", SCARCE], input=told, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["guarded_memory", "guarded_memory"]
