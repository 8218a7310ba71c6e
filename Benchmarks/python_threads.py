"""What one and two Python threads get done: see peers/scaling.py. Writes $OUT/libagentid_python_threads.json."""

import os
import pathlib
import sys
from itertools import count, cycle

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "peers"))
from benchlib import dump
from python_objects import CALL, CHAINS, opened
from scaling import scale

GROUP = "libagentid, Python, threads"

with opened() as (_, lines, _, forgetful):
    agents = [agents[2] for agents in lines]
    thread = count()

    def cold():
        # Two threads would find each other's chains kept, if they shared them.
        start = next(thread) % 2 * (CHAINS // 2)
        own = cycle([agent.chain for agent in agents[start : start + CHAINS // 2]])
        return lambda: forgetful.admit(next(own))

    def in_process():
        agent = agents[next(thread)]
        return lambda: agent.authorize("search", CALL)

    scale("cold, 3 links", cold, group=GROUP)
    scale("in process, 3 links", in_process, group=GROUP)
dump(os.environ.get("OUT", ".") + "/libagentid_python_threads.json")
