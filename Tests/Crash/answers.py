"""What a worker answered, what must hold of its directory from then on, and whether it does."""

import base64
import json
import os
import sqlite3
from collections import defaultdict

import libagentid

DOMAIN, CEILING = "acme.example", "read_file(path under '/data')"
CALL = ("read_file", {"path": "/data/a.csv"})
NO, MAYBE, YES = 0, 1, 2  # MAYBE: it was begun, and nobody was told how it went


def grant_id(chain):
    """The `jti` of a chain's leaf."""
    payload = chain.split("~")[-1].split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["jti"]


class Agent:
    def __init__(self, id, parent):
        self.id, self.parent, self.identities = id, parent, {}
        self.leases, self.kept = [], []  # all that it was given, and those that nothing has made due
        self.ended = self.suspended = NO
        self.is_deprovisioned, self.tombstone = NO, None

    def line(self):
        """The agent and all above it."""
        return [self, *(self.parent.line() if self.parent else [])]


class Answers:
    """Everything that was answered about one directory, in whatever run of a worker."""

    def __init__(self):
        self.agents, self.steps, self.wrong, self.errors = {}, set(), [], []
        self.events = {"callback": set(), "command": set()}  # what each hook must hear in the end
        self.heard = {"callback": defaultdict(int), "command": defaultdict(int)}
        self.heard_order = defaultdict(list)
        self.keys, self.count, self.sequence, self.seen_ended = set(), 0, 0, set()
        self.decisions, self.logged, self.entries = {}, set(), 0  # when answered, what the log has, and how long it is

    def take(self, line):
        """One line of a worker."""
        said = json.loads(line)
        if "wrong" in said:
            self.wrong.append(line)
        elif "error" in said:
            self.errors.append(said)
        elif "hook" in said:
            self.hear("callback", said["hook"])
        elif "will" in said:
            self._will(said["will"], self.agents[said["agent"]], MAYBE)
        elif "did" in said:
            self.count += 1
            self._did(said["did"], said)

    def hear(self, hook, event):
        self.heard[hook][_key(event)] += 1
        self.sequence = max(self.sequence, event["sequence"])
        if "agent" in event and hook == "callback":
            self.heard_order[event["agent"]].append(event["event"])

    def _will(self, what, agent, how):
        if what in ("revoke", "deprovision"):
            agent.ended = max(agent.ended, how)
        if what == "deprovision":
            agent.is_deprovisioned = max(agent.is_deprovisioned, how)
        if what == "suspend":
            agent.suspended = how
            for below in self.agents.values():
                if agent in below.line():
                    below.kept.clear()
        if what == "resume":
            agent.suspended = NO if how == YES else MAYBE

    def _did(self, what, said):
        agent, tells = self.agents.get(said.get("agent")), lambda *names: self._expect(said["agent"], *names)
        if what in ("start", "spawn"):
            parent = self.agents.get(said.get("parent"))
            agent = self.agents[said["agent"]] = Agent(said["agent"], parent)
            agent.identities[grant_id(said["chain"])] = (said["chain"], said["key"])
            tells("created", *(["granted"] if what == "start" else []))
            if parent:
                self._expect(parent.id, "delegated")
        elif what == "rotate":
            agent.identities[grant_id(said["chain"])] = (said["chain"], said["key"])
            tells("rotated")
        elif what == "acquire":
            agent.leases.append(said["lease"])
            agent.kept.append(said["lease"])
        elif what == "decide":
            self.decisions[said["id"]] = said["at"]
        elif what == "keys":
            self.keys |= {key["x"] for key in json.loads(said["bundle"])["keys"]}
        elif what == "revoke":
            self._will("revoke", agent, YES)
            self._expect(said["agent"] if said["kind"] == "agent" else said["grant"], "revoked", hooks=("callback", "command"))
        elif what in ("suspend", "resume"):
            self._will(what, agent, YES)
            tells("suspended" if what == "suspend" else "resumed")
        elif what in ("deprovision", "close"):
            self._will("deprovision", agent, YES)
            agent.tombstone = said.get("tombstone") or agent.tombstone
            tells("deprovisioning")
            self._expect(agent.id, "deprovisioned", hooks=("callback", "command"))
        else:
            self.steps.add(what)

    def _expect(self, about, *names, hooks=("callback",)):
        for hook in hooks:
            self.events[hook] |= {(name, about) for name in names}


def _key(event):
    """What an event is known by: its name and the agent, or for the revocation of a grant that grant."""
    if event["event"] == "revoked" and "agent" not in event:
        return ("revoked", event["chain"][0])
    return (event["event"], event.get("agent"))


class Check:
    """Opens a directory anew and holds it to what was answered; `faults` says what is not as it must be."""

    def __init__(self, directory, answers, audit="batch"):
        self.directory, self.answers, self.audit, self.faults = directory, answers, audit, []

    def fault(self, what):
        self.faults.append(what)

    def run(self, agents=None, settle=False, owes=False, until=float("inf")):
        """`agents`: those that are asked for by proof; None: all. `settle`: everything that is due is finished as well.
        `owes`: what the callback hook has not heard must wait for it. `until`: decisions answered by then are in the log."""
        answers = self.answers
        self.faults += answers.wrong
        begins = "open" not in answers.steps  # then what a creation left that was cut short must not be in the way
        try:
            with libagentid.Authority.open(
                self.directory, must_exist=not begins, trust_domain=DOMAIN, audit=self.audit
            ) as authority:
                self._registered(authority)
                with libagentid.Guard.open_directory(self.directory, audit=self.audit, any_audience=True) as guard:
                    for agent in answers.agents.values() if agents is None else agents:
                        self._decided(guard, agent)
                if settle:
                    self._finished(authority)
                if answers.decisions and self.audit != "none":
                    self._logged(authority, until)
        except libagentid.Error as error:
            self.fault(f"it does not open: {error.name}: {error}")
        self._stored(owes, settle)
        return self.faults

    def _registered(self, authority):
        """Every answered step is there, and what was gone stays gone."""
        answers, states, offset = self.answers, {}, 0
        while page := authority.agents(limit=1000, offset=offset):
            states |= {agent["id"]: agent["state"] for agent in page}
            offset += len(page)
        for agent in answers.agents.values():
            state = states.get(agent.id)
            if state is None:
                self.fault(f"lost: {agent.id} was answered and is not registered")
            gone = max(above.is_deprovisioned for above in agent.line())
            if gone == YES and state != "deprovisioned" or gone == NO and state == "deprovisioned":
                self.fault(f"{agent.id} is {state}")
            if gone == NO and (agent.suspended, state) in ((YES, "active"), (NO, "suspended")):
                self.fault(f"{agent.id} is {state}")
        for id in answers.seen_ended:
            if states.get(id) != "deprovisioned":
                self.fault(f"{id} had ended and is {states.get(id)}")
        answers.seen_ended |= {id for id, state in states.items() if state == "deprovisioned"}
        if "profile" in answers.steps and not authority.profiles():
            self.fault("lost: the profile")
        if "hooks" in answers.steps and not authority.hooks():
            self.fault("lost: the hooks")
        missing = answers.keys - {key["x"] for key in json.loads(authority.bundle())["keys"]}
        if missing:
            self.fault(f"lost: keys of the bundle {missing}")

    def _decided(self, guard, agent):
        """A fresh guard permits what lives and denies what does not, for the right reason."""
        ended = max(above.ended for above in agent.line())
        suspended = max(above.suspended for above in agent.line())
        chain, key = list(agent.identities.values())[-1]
        with libagentid.Agent.open(key, chain) as holder:
            decision = guard.check(*CALL, chain=chain, proof=holder.prove(*CALL))
        may = {"authority_revoked"} if ended == YES else set()
        if ended != YES:
            may |= {"suspended"} if suspended == YES else {""} if suspended == NO else {"", "suspended"}
            may |= {"authority_revoked"} if ended == MAYBE else set()
        if (decision.reason or "") not in may:
            self.fault(f"{agent.id}: {decision.reason or 'permitted'}, but must be {' or '.join(sorted(may)) or 'permitted'}")

    def _finished(self, authority):
        """What a killed process left undone is made up for: tombstones, hooks."""
        authority.reap()
        if "hooks" in self.answers.steps:
            authority.add_hook(
                "callback", lambda event: self.answers.hear("callback", event), deadline=1, max_attempts=1000
            )
        for _ in range(20):
            authority.settle(60)
            if not authority.deliveries():
                break
        if authority.deliveries() or authority.deliveries(dead=True):
            self.fault("deliveries are left")
        bundle = authority.bundle()
        for agent in authority.agents(state="deprovisioned", limit=100_000):
            tombstone = agent.get("tombstone")
            if not tombstone:
                self.fault(f"{agent['id']} has no tombstone")
            elif libagentid.verify_tombstone(DOMAIN, bundle, tombstone)["sub"] != agent["id"]:
                self.fault(f"the tombstone of {agent['id']} is another's")
            known = self.answers.agents.get(agent["id"])
            if known and known.tombstone and known.tombstone != tombstone:
                self.fault(f"{agent['id']} has another tombstone than was answered")
            if known and known.tombstone and not authority.verify_gone(agent["id"])["gone"]:
                self.fault(f"{agent['id']} is not gone")

    def _logged(self, authority, until):
        """The log verifies, goes on where it was, and has every decision that was answered, once, and every event."""
        answers = self.answers
        authority.integrate()
        with libagentid.Audit.open(self.directory) as log:
            report = log.verify()
            if not report["sound"]:
                self.fault(f"the log: {report['findings'][:2]}")
            if log.head().size < answers.entries:
                self.fault(f"the log had {answers.entries} entries and has {log.head().size}")
            for entry in log.entries(answers.entries):
                answers.entries += 1
                name = _key(entry) if entry.get("kind") == "event" else entry.get("id")
                if entry.get("kind") == "decision" and name in answers.logged:
                    self.fault(f"the log has decision {name} twice")
                answers.logged.add(name)
        for decision, at in answers.decisions.items():
            if at <= until and decision not in answers.logged:
                self.fault(f"lost: decision {decision} is not in the log")
        for event in answers.events["callback"] - answers.logged:
            self.fault(f"lost: the log has no {event[0]} of {event[1]}")

    def _stored(self, owes, settled):
        """The file is whole, every answered grant is in it, its sequence went on, and nothing lies about."""
        path = os.path.join(self.directory, "registry.db")
        if not os.path.exists(path):
            return self.fault("lost: the registry")
        database = sqlite3.connect(path)
        try:
            faults = [row[0] for row in database.execute("PRAGMA integrity_check")]
            if faults != ["ok"]:
                self.fault(f"integrity_check: {faults[:3]}")
            if database.execute("PRAGMA foreign_key_check").fetchall():
                self.fault("foreign_key_check")
            grants = dict(database.execute("SELECT jti, agent FROM grants"))
            sequence = database.execute("SELECT sequence FROM meta").fetchone()[0]
            leases = {row[0] for row in database.execute("SELECT id FROM broker_leases")}
            waiting = {_key(json.loads(row[0])) for row in database.execute("SELECT payload FROM deliveries WHERE hook = 'callback'")}
        except sqlite3.Error as error:
            return self.fault(f"the registry cannot be read: {error}")
        finally:
            database.close()
        for agent in self.answers.agents.values():
            for grant in agent.identities:
                if grants.get(grant) != agent.id:
                    self.fault(f"lost: grant {grant} of {agent.id}")
            # Those of an agent that was revoked or suspended, or that stands below one, are returned.
            if all(above.ended == NO for above in agent.line()) and not leases.issuperset(agent.kept):
                self.fault(f"lost: a secret that {agent.id} holds")
            if settled and agent.is_deprovisioned == YES and leases.intersection(agent.leases):
                self.fault(f"{agent.id} has ended, and the broker holds a secret for it")
        if owes:
            for event in self.answers.events["callback"] - set(self.answers.heard["callback"]) - waiting:
                self.fault(f"lost: nobody heard {event[0]} of {event[1]}, and nothing waits")
        if sequence < self.answers.sequence:
            self.fault(f"the sequence went back from {self.answers.sequence} to {sequence}")
        self.answers.sequence = sequence
        wal = path + "-wal"
        if os.path.exists(wal) and os.path.getsize(wal) > 17 << 20:
            self.fault(f"{wal} has {os.path.getsize(wal)} bytes")
        odd = set(os.listdir(self.directory)) - {
            "registry.db", "registry.db-wal", "registry.db-shm", "journal", "keys", "sequence", "lock", "replay", "audit",
        }  # fmt: skip
        if odd:
            self.fault(f"left over: {sorted(odd)}")


def undelivered(answers, hook):
    """Faults of a hook's deliveries: what it never heard, and what it heard in the wrong order."""
    faults = [f"{hook} never heard {name} of {about}" for name, about in answers.events[hook] - set(answers.heard[hook])]
    if hook == "callback":
        for agent, names in answers.heard_order.items():
            first = [names.index(name) for name in ("created", "deprovisioning", "deprovisioned") if name in names]
            if first != sorted(first):
                faults.append(f"{hook} heard of {agent} out of order: {names}")
    return faults
