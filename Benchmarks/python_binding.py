"""Times the Python package: the jobs of native/, as a Python program meets them.

Prints a table; writes $OUT/libagentid_python.json. Cold jobs go round 64 chains at a guard that keeps two.
"""

import gc
import os
import pathlib
import sys
import time
from itertools import cycle

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "peers"))
from benchlib import bench_py, dump, fmt, record, summ
from python_objects import CALL, CEILING, CHAINS, opened, recorded

REPETITIONS, PROOFS = 9, 512


def show(name, figures):
    record("libagentid, Python", name, figures)
    print(f"libagentid, Python   {name:40s} {fmt(figures)}", flush=True)


def fresh(agents, call):
    """Times `call(i, proof)`, where agent i made the proof outside the measured time."""
    samples = []
    for _ in range(REPETITIONS):
        proofs = [(i % CHAINS, agents[i % CHAINS].prove("search", CALL, audience="files")) for i in range(PROOFS)]
        gc.collect()
        gc.disable()
        start = time.thread_time_ns()
        for i, proof in proofs:
            call(i, proof)
        samples.append((time.thread_time_ns() - start) / PROOFS / 1000)
        gc.enable()
    return summ(samples)


with opened() as (authority, lines, keeping, forgetful):
    first, holder = lines[0][0], lines[1][0].public_key

    def issue(credential=True):
        asked = {"principal": "user:alice@acme.example", "task": "weather", "scope": CEILING}
        return authority.issue("researcher", holder, **asked, credential=credential)

    show("issue (grant)", bench_py(lambda: issue(credential=False)))
    show("issue (grant + credential)", bench_py(issue))
    show("delegate", bench_py(lambda: first.delegate(holder, CEILING)))
    show("prove", bench_py(lambda: first.prove("search", CALL, audience="files")))
    for links, name in ((1, "1 link"), (3, "3 links"), (8, "8 links")):
        agents = [agents[links - 1] for agents in lines]
        chains = [agent.chain for agent in agents]
        turn = cycle(chains)
        show(f"cold, {name}", bench_py(lambda: forgetful.admit(next(turn))))
        show(f"cold, {name} + proof", fresh(agents, lambda i, proof: forgetful.authorize("search", CALL, chain=chains[i], proof=proof)))
        if links > 1:
            for chain in chains:
                keeping.admit(chain)
            show(f"cached, {name} + proof", fresh(agents, lambda i, proof: keeping.authorize("search", CALL, chain=chains[i], proof=proof)))
        show(f"in process, {name}", bench_py(lambda: agents[0].authorize("search", CALL)))
with recorded() as agent:
    show("in process, audit batch", bench_py(lambda: agent.authorize("search", CALL)))
dump(os.environ.get("OUT", ".") + "/libagentid_python.json")
