#!/usr/bin/env python3
"""Issues, authorizes, revokes and deprovisions as fast as it can, until it is killed, and says what was answered.

One JSON object a line on stdout: `will` before a call that ends or holds up something, `did` after the library returned,
`hook` for an event that the callback hook was given, `wrong` for what must not be. Under trace_shim.so also in the trace.
"""

import argparse
import ctypes
import json
import os
import random
import resource
import threading
import time

import libagentid
from answers import CALL, CEILING, DOMAIN, grant_id

LIFETIME = 3600  # nothing lapses while the test goes on, however slow the machine
WRITE_LOCK = threading.Lock()


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory")
    parser.add_argument("--commands", help="the file that the command hook appends events to; none: no command hook")
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=1 << 30, help="for each thread")
    parser.add_argument("--file-size", type=int, help="no file grows beyond this")
    parser.add_argument("--user", type=int, help="runs as this user")
    parser.add_argument("--errors", type=int, default=0, help="goes on after so many errors of the library in each thread")
    parser.add_argument("--seconds", type=float, default=0, help="that all steps take together at least, by pauses")
    parser.add_argument("--audit", default="batch", help="when the audit log is durable: batch, always or none")
    return parser.parse_args()


def recorder():
    """Writes a line where it cannot be lost by this process's death, and into the trace where there is one."""
    mark = getattr(ctypes.CDLL(None), "crash_trace_mark", None) if os.environ.get("CRASH_TRACE_FILE") else None

    def say(**members):
        line = json.dumps(members, separators=(",", ":")).encode()
        if mark is not None:
            mark(ctypes.c_char_p(line))
        with WRITE_LOCK:
            os.write(1, line + b"\n")

    return say


class Store:
    """A provider of secrets; who has none takes them back by a command."""

    release_command = ("/bin/sh", "-c", "cat >/dev/null")

    def acquire(self, request):
        return "secret of " + request["lease"]

    def release(self, lease):
        pass


class Worker:
    def __init__(self, options, say):
        self.options, self.say, self.kept, self.guard = options, say, [], None

    def open(self):
        """Each step may be refused where the disk is full: the next run takes it up."""
        self.authority = libagentid.Authority.open(self.options.directory, trust_domain=DOMAIN, lease_duration=LIFETIME, audit=self.options.audit)
        self.say(did="open")
        self.authority.put_profile("researcher", owner="team:research@acme.example", ceiling=CEILING, max_lifetime=LIFETIME)
        self.say(did="profile")
        self.authority.add_hook("callback", self.heard, deadline=1, max_attempts=1000)
        if self.options.commands:
            append = 'line=$(cat); printf "%s\\n" "$line" >> "$0"'
            self.authority.add_hook(
                "command", command=["/bin/sh", "-c", append, self.options.commands], deadline=1, max_attempts=1000,
                events=["revoked", "deprovisioned"],
            )  # fmt: skip
        self.say(did="hooks")
        self.authority.add_provider("store", Store())
        limited = self.options.file_size is not None
        self.guard = libagentid.Guard.open_directory(
            self.options.directory, own_replay_memory=limited, audit=self.options.audit, any_audience=True)

    def heard(self, event):
        self.say(hook=event)

    def expect(self, holds, what, **more):
        if not holds:
            self.say(wrong=what, **more)

    def start(self, chance, thread):
        agent = self.authority.agent(
            "researcher", principal="user:alice@acme.example", task=f"task {thread}", scope=CEILING, lifetime=LIFETIME
        )
        self.say(did="start", agent=agent.id, chain=agent.chain, key=agent.export_key())
        self.kept.append(agent)  # a handle that is collected ends its agent
        self.check_permitted(agent)
        if chance.random() < 0.2:
            lease = self.authority.acquire(agent.authorize(*CALL), "store", "row", 600)
            self.say(did="acquire", agent=agent.id, lease=lease.id)
        if chance.random() < 0.3:
            child = agent.spawn("helper", same_scope=True)
            self.say(did="spawn", agent=child.id, parent=agent.id, chain=child.chain, key=child.export_key())
            self.kept.append(child)
            self.check_permitted(child)
        return agent

    def check_permitted(self, agent):
        for decision in (agent.check(*CALL), self.guard.check(*CALL, chain=agent.chain, proof=agent.prove(*CALL))):
            if decision.reason == "audit_unavailable":
                self.say(error=decision.reason, text=decision.explain())
                continue
            self.decided(decision)
            self.expect(decision.permitted, f"a live agent is denied: {decision.reason}", agent=agent.id)

    def decided(self, decision):
        if decision.id:
            self.say(did="decide", id=decision.id, at=time.time())

    def step(self, chance, thread):
        agent = self.start(chance, thread)
        id, chain, proof, grant = agent.id, agent.chain, agent.prove(*CALL), grant_id(agent.chain)
        end = chance.choices(
            ["leave", "agent", "grant", "suspend", "resume", "deprovision", "self", "close", "rotate", "keys"],
            [20, 10, 10, 8, 4, 15, 6, 6, 6, 1],
        )[0]
        if end == "keys":
            with self.keys_lock:
                try:
                    self.authority.publish_key()
                except libagentid.StateError as error:
                    if error.name != "key_published":  # by a run that was killed before it went on
                        raise
                self.say(did="keys", bundle=self.authority.bundle())
                self.authority.activate_key()
                self.say(did="keys", bundle=self.authority.bundle())
            return
        if end == "leave":
            return
        if end == "rotate":
            self.say(will="rotate", agent=id)
            agent.rotate_key()
            return self.say(did="rotate", agent=id, chain=agent.chain, key=agent.export_key())
        if end in ("agent", "grant"):
            self.say(will="revoke", agent=id)
            self.authority.revoke(**{end: id if end == "agent" else grant})
            self.say(did="revoke", agent=id, kind=end, grant=grant)
        elif end in ("suspend", "resume"):
            self.say(will="suspend", agent=id)
            self.authority.suspend(id, "crash test")
            self.say(did="suspend", agent=id)
        else:
            self.say(will="deprovision", agent=id)
            if end == "close":
                with agent:
                    pass
                self.say(did="close", agent=id)
            else:
                ended = agent.end("crash test") if end == "self" else self.authority.deprovision(id, "crash test")
                self.say(did="deprovision", agent=id, tombstone=ended)
        decision = self.guard.check(*CALL, chain=chain, proof=proof)
        self.decided(decision)
        self.expect(not decision.permitted, f"permitted after {end} returned", agent=id)
        if end == "resume":
            self.say(will="resume", agent=id)
            self.authority.resume(id)
            self.say(did="resume", agent=id)
            self.check_permitted(agent)

    keys_lock = threading.Lock()

    def run(self, thread):
        chance, errors = random.Random(self.options.seed * 1000 + thread), 0
        for _ in range(self.options.steps):
            time.sleep(chance.uniform(0, 2 * self.options.seconds / self.options.steps))
            try:
                self.step(chance, thread)
            except libagentid.Error as error:
                self.say(error=error.name, code=error.code, text=str(error))
                errors += 1
                if errors > self.options.errors:
                    return


def limit_files(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def go_on(worker):
    """There is room again: the same process works on."""
    limit_files(resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    try:
        if worker.guard is None:
            worker.open()
        for n in range(3):
            worker.step(random.Random(n), n)
    except libagentid.Error as error:
        worker.say(wrong=f"there is room, and still: {error}")


def main():
    options = parse()
    if options.user is not None:
        os.setgid(options.user)
        os.setuid(options.user)
    if options.file_size is not None:
        limit_files(options.file_size)
    say = recorder()
    worker = Worker(options, say)
    threads = [threading.Thread(target=worker.run, args=(n,)) for n in range(options.threads)]
    try:
        worker.open()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    except libagentid.Error as error:
        say(error=error.name, code=error.code, text=str(error))
    if options.file_size is not None:
        go_on(worker)
    if options.steps < 1 << 30 and not options.errors:
        time.sleep(0.2)  # hooks at work
    say(did="end")
    os._exit(0)  # an orderly end would deprovision what is held


main()
