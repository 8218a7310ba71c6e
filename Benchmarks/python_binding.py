"""Times the Python package: the same jobs as native.c, as a Python program meets them. Prints a table, writes JSON."""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "peers"))
import agentid
from benchlib import bench_py, dump, fmt, record

CEILING = 'search(query like "weather*", limit >= 0 <= 100); read_file(path under "/data")'
CALL = {"query": "weather NYC", "limit": 5}


def show(name, figures, **more):
    record("libagentid, Python", name, figures, **more)
    print(f"{'libagentid, Python':20s} {name:40s} {fmt(figures)}", flush=True)


def fresh(agent, call, reps=9, calls=400):
    """Times `call` with a proof that was made outside the measured time."""
    import statistics
    import time

    samples = []
    for _ in range(reps):
        proofs = [agent.prove("search", CALL, audience="files") for _ in range(calls)]
        start = time.thread_time_ns()
        for proof in proofs:
            call(proof)
        samples.append((time.thread_time_ns() - start) / calls / 1000)
    samples.sort()
    return dict(med=statistics.median(samples), min=samples[0], p10=samples[0], p90=samples[-1], n=reps)


with agentid.Authority.open("", trust_domain="acme.example") as authority:
    authority.profile("researcher", owner="team:research@acme.example", ceiling=CEILING, max_depth=8)
    agents = [authority.agent("researcher", principal="user:alice@acme.example", task="weather", scope=CEILING, lifetime=3600)]
    for limit in (99, 98):
        agents.append(agents[-1].spawn("sub", scope=f'search(query like "weather*", limit >= 0 <= {limit})'))
    leaf = agents[-1]
    guard = authority.guard(audience="files", replay_capacity=1 << 22)
    chain = leaf.chain
    holder = agents[1].public_key
    show("delegate", bench_py(lambda: agents[0].delegate(holder)))
    show("prove", bench_py(lambda: leaf.prove("search", CALL, audience="files")))
    show("in process, 3 links", bench_py(lambda: leaf.authorize("search", CALL)))
    show("cached, 3 links + proof", fresh(leaf, lambda proof: guard.authorize(chain, proof, "search", CALL)))
dump(os.environ.get("OUT", ".") + "/libagentid_python.json")
