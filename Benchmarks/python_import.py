"""Times `import` of the package and of its peers, each in fresh processes, in turns: what a program pays before its first call.

    Benchmarks/python_import.py [ROUNDS]     as `make bench` runs it; needs its environments, AGENTID_LIBRARY and PYTHONPATH

Wall time, and memory that became resident, on top of a bare interpreter of the same environment; everything is in the disk's
cache, and compiled, before it counts. Prints a table; the ratio is that to libagentid in the same round, its median.
"""

import os
import statistics
import subprocess
import sys
from pathlib import Path

WORK = Path(__file__).resolve().parents[1] / ".build-bench"
IMPORTS = [
    ("peers", "libagentid"),
    ("peers", "libagentid.aio"),
    ("peers", "asyncio"),
    ("peers", "tenuo"),
    ("peers", "biscuit_auth"),
    ("peers", "jwt"),
    ("peers", "joserfc.jwt"),
    ("peers", "pymacaroons"),
    ("agentmesh", "agentmesh"),
    ("agentos", "agent_os"),
]
ONE = """
import time
def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1])
before, start = resident(), time.perf_counter()
import {module}
took = time.perf_counter() - start
print(took, (resident() - before) * {page})
"""


def measured(environment: str, module: str) -> tuple[float, float]:
    """Milliseconds and MiB."""
    python = WORK / environment / "bin/python"
    script = ONE.format(module=module, page=os.sysconf("SC_PAGE_SIZE"))
    command = [python, "-W", "ignore", "-c", script]
    seconds, size = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(seconds) * 1e3, float(size) / 2**20


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    present = [(environment, module) for environment, module in IMPORTS if (WORK / environment / "installed").exists()]
    samples = [[measured(*each) for each in present] for _ in range(rounds + 1)][1:]
    print("| import | median, ms | least–most | × libagentid | resident, MiB |")
    print("| ------ | ---------- | ---------- | --------- | ------------- |")
    for index, (_, module) in enumerate(present):
        times = sorted(taken[index][0] for taken in samples)
        ratio = statistics.median(taken[index][0] / taken[0][0] for taken in samples)
        size = statistics.median(taken[index][1] for taken in samples)
        print(f"| {module} | {statistics.median(times):.1f} | {times[0]:.1f}–{times[-1]:.1f} | {ratio:.2f} | {size:.1f} |")


if __name__ == "__main__":
    main()
