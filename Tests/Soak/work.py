"""The processes of a soak: those that start agents, a tool server, and one that looks after the directory."""

import os
import shutil
import subprocess
import threading
import time
import traceback

import libagentid
from libagentid.files import FileProvider
from life import Life, policy
from measure import of_directory, of_process

SAMPLES, CACHE = 40, 256


def shelf(plan):
    """The provider of all processes: a file for each secret that is out."""
    return FileProvider(f"{plan.work}/shelf", ["item"])


class Office:
    """What the lives of one process share."""

    def __init__(self, plan):
        self.authority = libagentid.Authority.open(plan.directory, lease_duration=600)
        self.guard = libagentid.Guard.open_directory(plan.directory, audience="here", cache_entries=CACHE)
        self.shelf, self.approver = shelf(plan), plan.approver
        self.authority.add_provider("shelf", self.shelf, resources={"read": "item"})
        self.announced, self.applied = plan.announced, plan.applied


def report(plan, name, work):
    """Runs a process's work, and puts what it found, or what went wrong, into the plan's queue."""
    try:
        plan.found.put((name, work()))
    except Exception as error:
        plan.found.put((name, {"wrong": f"{type(error).__name__}: {error}", "where": traceback.format_exc()[-900:]}))
        plan.failed.set()


def tenant(plan, number, pipes):
    """Lives agents' lives in as many threads as there are pipes to the server."""

    def work():
        office, wrong = Office(plan), []
        lives = [Life(office, f"{number}-{n}", plan.seed + 100 * number + n, at_server(pipe)) for n, pipe in enumerate(pipes)]
        quota = plan.operations // (plan.tenants * len(pipes))

        def run(life):
            try:
                counted = 0
                while life.operations < quota and not plan.failed.is_set():
                    life.live()
                    with plan.done.get_lock():
                        plan.done.value += life.operations - counted
                    counted = life.operations
            except Exception as error:
                wrong.append(f"{type(error).__name__}: {error}\n{traceback.format_exc()[-600:]}")
                plan.failed.set()

        threads = [threading.Thread(target=run, args=(life,)) for life in lives]
        for thread in threads:
            thread.start()
        samples = sampling(plan, threads)
        for thread in threads:
            thread.join()
        office.authority.reap()
        found = {
            "samples": samples, "wrong": "\n".join(wrong),
            **{name: sum(getattr(life, name) for life in lives) for name in ("spent", "ended", "decided", "operations", "busy")},
        }  # fmt: skip
        office.guard.close()
        office.authority.close()
        return found

    report(plan, f"tenant {number}", work)


def at_server(pipe):
    """Asks the tool server, in its process."""

    def ask(arguments, chain, proof):
        pipe.send((arguments, chain, proof))
        return pipe.recv()

    return ask


def sampling(plan, threads=()):
    """Measures this process at equal steps of the soak's operations, until it is over."""
    samples, step = [], plan.operations / SAMPLES
    while len(samples) < SAMPLES and not plan.failed.is_set():
        if plan.done.value >= step * (len(samples) + 1):
            samples.append((plan.done.value, of_process()))
        elif plan.over.is_set() or (threads and not any(thread.is_alive() for thread in threads)):
            break
        time.sleep(0.02)
    return samples


def server(plan, pipes):
    """A tool server: it has a guard, and none of the authority's keys."""

    def work():
        guard = libagentid.Guard.open_directory(plan.directory, audience="server", cache_entries=CACHE)

        def serve(pipe):
            while True:
                try:
                    arguments, chain, proof = pipe.recv()
                except EOFError:
                    return
                pipe.send(guard.check("read", arguments, chain=chain, proof=proof).reason or "permit")

        threads = [threading.Thread(target=serve, args=(pipe,), daemon=True) for pipe in pipes]
        for thread in threads:
            thread.start()
        samples = sampling(plan)
        plan.over.wait()
        guard.close()  # denials that it counted are written now
        plan.closed.set()
        return {"samples": samples}

    report(plan, "server", work)


def keeper(plan):
    """Looks after the directory all the while: policies, lists, reaping, pruning, reading and archiving the log."""

    def work():
        acme, wrong = libagentid.Authority.open(plan.directory), []
        acme.add_provider("shelf", shelf(plan))
        samples, files, turn, decisions, archived, pruned = [], [], 0, 0, 0, 0
        step = plan.operations / SAMPLES
        while not plan.over.is_set():
            turn += 1
            version = plan.announced.value + 1
            plan.announced.value = version
            acme.apply_policy(policy(version, plan.approver_x))
            plan.applied.value = version
            acme.reap()
            look(acme)
            if plan.done.value >= step * (len(samples) + 1):
                samples.append((plan.done.value, of_process()))
            if turn % 4 == 0:
                pruned += prune(plan)
                decisions, archived = archive(plan, acme, decisions, archived)
                # Always at the same moment: between two of them the log grows with what is decided.
                if plan.done.value >= step * (len(files) + 1):
                    files.append((plan.done.value, of_directory(plan.directory)))
            time.sleep(0.05)
        files.append((plan.done.value, of_directory(plan.directory)))
        plan.closed.wait(60)
        settle(acme)
        acme.integrate()
        with libagentid.Audit.open(plan.directory) as log:
            if not log.verify().sound:
                wrong.append("the log is not sound")
            decisions += sum(map(decided, log.entries(archived)))
        pruned += prune(plan)
        counts = acme.statistics()
        (team,) = [meter for meter in acme.budgets(limit=100_000)["meters"] if meter["rule"] == "team"]
        acme.close()
        return {
            "samples": samples, "files": files, "wrong": "\n".join(wrong), "policies": version,
            "decisions": decisions, "archived": archived, "pruned": pruned,
            "left alive": counts.agents.active + counts.agents.suspended + counts.agents.parked,
            "secrets": sum(counts.secrets.values()) + len(os.listdir(f"{plan.work}/shelf")), "spent": team["spent"],
        }  # fmt: skip

    report(plan, "keeper", work)


def decided(entry):
    """How many decisions an entry records: denials beyond a hundred a second are counted together."""
    return {"decision": 1, "denials": entry.get("count", 0)}.get(entry["kind"], 0)


def settle(acme):
    """Waits until every secret is returned: a process that ended may have begun with one, which is another's in a minute."""
    for _ in range(1000):
        acme.reap()
        if not acme.broker_leases():
            return
        time.sleep(0.1)


def look(acme):
    """What an operator's pages ask for."""
    acme.agents(state="active")
    acme.statistics()
    acme.budgets(limit=10)
    acme.limits(limit=10)
    acme.approvals()
    acme.broker_leases()
    acme.revocation_list()


def prune(plan):
    """Forgets what has ended, by a clock that is two hours ahead: nothing is forgotten within an hour of a grant's end."""
    with libagentid.Authority.open(plan.directory, clock=lambda: time.time() + 7200, audit="none") as ahead:
        return ahead.prune(ended_before=int(time.time()))


def archive(plan, acme, decisions, archived):
    """Moves whole bundles of the log away, counts the decisions in them and removes them."""
    acme.integrate()
    with libagentid.Audit.open(plan.directory) as log:
        size = log.head()["size"]
    if size - archived < 2048:
        return decisions, archived
    to, first = f"{plan.work}/archive", (size - 1) // 256 * 256
    subprocess.run(
        [plan.agentidctl, "audit", "archive", "--authority", plan.directory, "--to", to, "--first", str(first)],
        check=True, capture_output=True)  # fmt: skip
    with libagentid.Audit.open(to) as moved:
        entries = moved.entries(archived)
        decisions += sum(decided(next(entries)) for _ in range(archived, first))
    shutil.rmtree(to)
    return decisions, first
