"""What agents' lives, many agents, a long audit log and many revocations cost. Prints a table; writes $OUT/scale.json.

    scale.py life       start + deprovision, with and without audit and a hook; spawn + deprovision
    scale.py busy       authorize while another process revokes 100 times a second
    scale.py agents     10,000 live agents
    scale.py audit      an audit log of 1,000,000 entries
    scale.py revoked    1,000,000 revocations

Wall time, on a disk. ROWS=10000 makes the last three smaller.
"""

import concurrent.futures
import itertools
import json
import os
import pathlib
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager

import libagentid
from python_objects import CALL, CEILING

ROWS = int(os.environ.get("ROWS", 0))
FIGURES = []


def show(what, value, unit):
    FIGURES.append({"name": what, "value": value, "unit": unit})
    print(f"{what:84s} {value:14,.{0 if value >= 100 else 2}f} {unit}", flush=True)


def memory():
    """What this process holds in memory, in MB."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1e6


def size(directory):
    return sum(path.stat().st_blocks * 512 for path in pathlib.Path(directory).rglob("*") if path.is_file()) / 1e6


def timed(run):
    start = time.perf_counter()
    result = run()
    return time.perf_counter() - start, result


def latency(run, calls=20_000):
    """Microseconds of one call: the median of batches, and the 99.9th percentile of single calls; of wall time."""
    single = []
    for _ in range(calls):
        start = time.perf_counter_ns()
        run()
        single.append((time.perf_counter_ns() - start) / 1000)
    single.sort()
    return statistics.median(single), single[int(len(single) * 0.999)]


@contextmanager
def directory():
    # Not /tmp, which is memory on many machines.
    # What agents that nobody closed still write is not an error.
    options = {"prefix": "agentid-scale-", "ignore_cleanup_errors": True}
    with tempfile.TemporaryDirectory(dir=os.environ.get("SCRATCH", "/var/tmp"), **options) as path:
        yield path + "/acme"


@contextmanager
def opened(path, **options):
    with libagentid.Authority.open(path, trust_domain="acme.example", lease_duration=86400, **options) as acme:
        acme.put_profile("researcher", owner="team:research@acme.example", ceiling=CEILING, max_lifetime=86400)
        yield acme


def start(acme, lifetime=3600):
    return acme.agent("researcher", principal="user:alice@acme.example", task="weather", scope=CEILING, lifetime=lifetime)


def life():
    def rate(run, seconds=3):
        end, count = time.perf_counter() + seconds, 0
        begin = time.perf_counter()
        while time.perf_counter() < end:
            run()
            count += 1
        return count / (time.perf_counter() - begin)

    def from_threads(run, threads=8):
        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            return sum(pool.map(lambda _: rate(run), range(threads)))

    with opened(None) as acme:
        show("start + deprovision, in memory", rate(lambda: start(acme).end()), "/s")
        show("start + deprovision, in memory, eight threads", from_threads(lambda: start(acme).end()), "/s")
    for name, options in (("no audit", {"audit": "none"}), ("audit batch", {}), ("audit always", {"audit": "always"})):
        with directory() as path, opened(path, **options) as acme:
            show(f"start + deprovision, directory, {name}", rate(lambda: start(acme).end()), "/s")
            if name == "audit batch":
                show(f"start + deprovision, directory, {name}, eight threads", from_threads(lambda: start(acme).end()), "/s")
                parent = start(acme)
                show(f"spawn + deprovision, directory, {name}", rate(lambda: parent.spawn("sub", same_scope=True).end()), "/s")
    with directory() as path, opened(path) as acme:
        told = []
        acme.add_hook("told", told.append)
        began = time.perf_counter()
        show("start + deprovision, directory, audit batch, a callback hook", rate(lambda: start(acme).end()), "/s")
        waiting = acme.hooks()[0]["pending"]
        spent, _ = timed(lambda: acme.settle(60))
        show("    of its events told meanwhile", 100 * (1 - waiting / max(len(told), 1)), "%")
        show("    events told to the hook, until all were", len(told) / (time.perf_counter() - began), "/s")


REVOKER = """
import sys, time, libagentid
with libagentid.Authority.open(sys.argv[1]) as acme:
    print("ready", flush=True)
    next, i = time.monotonic(), 0
    while True:
        acme.revoke(grant=f"nobody-{i}")
        i += 1
        next = max(next + 0.01, time.monotonic())
        time.sleep(max(0, next - time.monotonic()))
"""


def busy():
    with directory() as path, opened(path) as acme:
        agent = start(acme)
        call = lambda: agent.authorize("search", CALL)  # noqa: E731
        call()
        show("authorize, Python, audit batch: median", (quiet := latency(call, 200_000))[0], "µs")
        show("    99.9 %", quiet[1], "µs")
        with subprocess.Popen([sys.executable, "-c", REVOKER, path], stdout=subprocess.PIPE) as other:
            other.stdout.readline()
            before = acme_sequence(path)
            spent, disturbed = timed(lambda: latency(call, 200_000))
            revoked = acme_sequence(path) - before
            other.kill()
        show("authorize while another process revokes: median", disturbed[0], "µs")
        show("    99.9 %", disturbed[1], "µs")
        show("    revocations meanwhile", revoked / spent, "/s")


def acme_sequence(path):
    with sqlite3.connect(f"file:{path}/registry.db?mode=ro", uri=True) as registry:
        return registry.execute("SELECT count(*) FROM revocations").fetchone()[0]


def agents():
    count = ROWS or 10_000
    with directory() as path, opened(path) as acme:
        one = start(acme)
        one.authorize("search", CALL)
        alone = latency(lambda: one.authorize("search", CALL))[0]
        before = memory()
        spent, live = timed(lambda: [start(acme) for _ in range(count)])
        show(f"{count:,} live agents: started", count / spent, "/s")
        show("    memory of one", (memory() - before) * 1000 / count, "kB")
        show("    authorize, Python, the only agent: median", alone, "µs")
        turn = iter(live * (1 + 40_000 // count))
        for agent in live:
            agent.authorize("search", CALL)
        show("    authorize, Python, a different agent each time: median", latency(lambda: next(turn).authorize("search", CALL))[0], "µs")
        show("    size on disk: registry", os.path.getsize(f"{path}/registry.db") / 1e6, "MB")
        spent, found = timed(lambda: acme.agents(state="active", limit=100))
        show("    first 100 listed", spent * 1000, "ms")
        spent, _ = timed(lambda: acme.deprovision_principal("user:alice@acme.example", "left"))
        show("    all ended with their principal", count / spent, "/s")
        del turn
    with directory() as path:
        renew(path, count)


def renew(path, count):
    """Leases are renewed by a thread of the library a third of the lease ahead: what that transaction costs."""
    with libagentid.Authority.open(path, trust_domain="acme.example", lease_duration=3600) as acme:
        acme.put_profile("researcher", owner="team:research@acme.example", ceiling=CEILING, max_lifetime=86400)
        live = [start(acme, 86400) for _ in range(count)]
        registry = sqlite3.connect(f"{path}/registry.db", isolation_level=None)
        ids = [agent.id for agent in live]
        begin = time.perf_counter()
        registry.execute("BEGIN IMMEDIATE")
        for one in ids:
            registry.execute("UPDATE leases SET expires = expires + 1 WHERE agent = ?", (one,))
        registry.execute("COMMIT")
        show("    all leases renewed in one transaction (SQL alone)", (time.perf_counter() - begin) * 1000, "ms")
        registry.close()


def audit():
    count = ROWS or 1_000_000
    with directory() as path:
        with opened(path) as acme:
            agent = start(acme, 86400)
            agent.authorize("search", CALL)
            spent, _ = timed(lambda: [agent.authorize("search", CALL) and None for _ in range(count)])
            last = agent.authorize("search", CALL).id
            show(f"{count:,} audit entries: decided and appended, Python, one thread", count / spent, "/s")
            show("    integrated and signed meanwhile", 100 * len_of(path) / count, "%")
            rest = count - len_of(path)
            left, _ = timed(acme.integrate)
            show("    the rest integrated", rest / left, "/s")
        entries = f"{path}/audit"
        show("    size on disk", size(entries), "MB")
        show("    of an entry", size(entries) * 1e6 / count, "bytes")
        spent, log = timed(lambda: libagentid.Audit.open(path))
        show("    opened to read", spent * 1000, "ms")
        show("    a proof of inclusion: median", latency(lambda: log.prove(count // 3), 300)[0] / 1000, "ms")
        show("    the newest decision found by its ID", timed(lambda: log.find(last))[0] * 1000, "ms")
        spent, report = timed(log.verify)
        assert report["sound"], report["findings"]
        show("    all of it verified", report["size"] / spent, "/s")
        log.close()
        spent, found = timed(lambda: replay(path))
        assert found["calls"]["judged"] >= count and found["calls"]["newly_denied"] == 0, found
        show(f"    replayed under a policy of {len(REPLAYED)} rules", found["calls"]["judged"] / spent, "/s")
        spent, acme = timed(lambda: libagentid.Authority.open(path))
        show("    the authority opened again", spent * 1000, "ms")
        acme.close()


# Each is about every call of the log, and none denies one.
REPLAYED = [
    {"id": "rate", "match": "search", "rate": {"calls": 500_000, "per": "1s", "for": "agent"}},
    {"id": "tree", "match": "*", "rate": {"calls": 500_000, "per": "1s", "for": "subtree"}},
    {"id": "hours", "match": "search", "hours": "Mon-Sun 00:00-24:00 UTC"},
    {"id": "seen", "match": "search", "labels": {"adds": ["seen"]}},
    {"id": "flow", "match": "search", "labels": {"refuses": ["seen & own"]}},
    {"id": "spend", "match": "search", "budget": {"unit": "calls", "limit": "1000000000", "cost": {"fixed": "1"}}},
    {"id": "astray", "anomaly": {"denials": 5, "per": "1m"}, "then": "suspend"},
    {"id": "other", "match": "send_mail", "then": "deny"},
]


def replay(path):
    """What a policy would have done to the log, told by the command line: its start is in the time."""
    program = os.environ.get("AGENTIDCTL", str(pathlib.Path(__file__).resolve().parents[1] / ".build/release/agentidctl"))
    policy = json.dumps({"version": 1, "labels": ["seen", "own"], "rules": REPLAYED})
    command = [program, "policy", "replay", "--authority", path, "-", "--json"]
    return json.loads(subprocess.run(command, input=policy, capture_output=True, encoding="utf-8", check=True).stdout)


def len_of(path):
    with libagentid.Audit.open(path) as log:
        return log.head().size


def revoked():
    count = ROWS or 1_000_000
    with directory() as path:
        with opened(path) as acme:
            agent = start(acme, 86400)
            held = [start(acme) for _ in range(8)]
            chains = itertools.cycle([other.chain for other in held])
            agent.authorize("search", CALL)
            before = latency(lambda: agent.authorize("search", CALL))[0]
            with acme.guard(cache_entries=1, any_audience=True) as forgetful:  # keeps two
                cold = latency(lambda: forgetful.admit(next(chains)), 2000)[0]
            resident = memory()
            registry = sqlite3.connect(f"{path}/registry.db", isolation_level=None)
            registry.execute("BEGIN IMMEDIATE")
            registry.executemany(
                "INSERT INTO revocations (kind, value, at) VALUES ('grant', ?, 0)",
                ((f"0193{i:08x}-7000-8000-{i:012x}",) for i in range(count)),
            )
            registry.execute("UPDATE meta SET sequence = sequence + 1")
            registry.execute("COMMIT")
            registry.close()
            spent, _ = timed(lambda: acme.revoke(grant="the last") or agent.authorize("search", CALL))
            show(f"{count:,} revocations: read at the next decision", spent * 1000, "ms")
            show("    memory of the snapshot", memory() - resident, "MB")
            show("    authorize, Python, before: median", before, "µs")
            show("    authorize, Python, after: median", latency(lambda: agent.authorize("search", CALL))[0], "µs")
            with acme.guard(cache_entries=1, any_audience=True) as forgetful:
                show("    admit a chain never seen, 1 link, before: median", cold, "µs")
                show("    admit a chain never seen, 1 link, after: median", latency(lambda: forgetful.admit(next(chains)), 2000)[0], "µs")
            spent, _ = timed(lambda: acme.revoke(grant="one more"))
            show("    one more", spent * 1000, "ms")
        show("    registry on disk", os.path.getsize(f"{path}/registry.db") / 1e6, "MB")
        spent, guard = timed(lambda: libagentid.Guard.open_directory(path, any_audience=True))
        show("    a guard opened", spent * 1000, "ms")
        guard.close()


for name in sys.argv[1:]:
    {"life": life, "busy": busy, "agents": agents, "audit": audit, "revoked": revoked}[name]()
if "OUT" in os.environ:
    path = pathlib.Path(os.environ["OUT"]) / f"scale_{'_'.join(sys.argv[1:])}.json"
    path.write_text(json.dumps(FIGURES, ensure_ascii=False))
