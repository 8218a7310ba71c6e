"""Agents' lives, with a model of what each answer has to be.

One thread lives one life after the other. The model knows what it did to its own agents; what others change meanwhile, the
policy's version, is read before and after each question: the answer must be right for one of the versions in between.
"""

import random

import libagentid

DOMAIN = "acme.example"
TOOLS = "ping; fetch; send; review; toggle; pay(usd: *)"
CEILING = f"read(path under '/data'); {TOOLS}"
PINGS, PURSE, TEAM = 5, 1000, 1_000_000_000  # calls an hour of each agent; cents of each agent, and of all together


def policy(version, approver):
    """The policy of that version. Even ones let `toggle` be."""
    rules = [
        {"id": "ping", "match": "ping", "rate": {"calls": PINGS, "per": "1h", "for": "agent"}},
        {"id": "fetch", "match": "fetch", "labels": {"adds": ["untrusted"]}},
        {"id": "send", "match": "send", "labels": {"refuses": ["untrusted"]}},
        {"id": "review", "match": "review", "approval": {"of": ["user:cfo"], "within": "1h"}},
        {"id": "purse", "match": "pay", "budget": money(PURSE, "agent")},
        {"id": "team", "match": "pay", "budget": money(TEAM, "domain")},
    ]
    if version % 2:
        rules.append({"id": "toggle", "match": "toggle", "then": "deny"})
    return {"version": version, "labels": ["untrusted"], "approvers": [{"name": "user:cfo", "key": approver}], "rules": rules}


def money(limit, subject):
    return {"unit": "usd", "limit": text(limit), "cost": {"argument": "usd"}, "for": subject}


def text(cents):
    return f"{cents // 100}.{cents % 100:02}"


class Disagreement(Exception):
    """An answer that is not the model's."""


class Life:
    """What one thread does: `spent` counts cents, `decided` the decisions that the log must have."""

    def __init__(self, office, number, seed, ask_server):
        self.office, self.number, self.chance, self.ask_server = office, number, random.Random(seed), ask_server
        self.operations = self.spent = self.decided = self.ended = self.busy = 0

    def expect(self, what, found, *right):
        """One operation, and its answer."""
        self.operations += 1
        if found not in right:
            raise Disagreement(f"{what}: {found}, not {' or '.join(map(str, right))}")

    def own(self, agent, tool, arguments, *right):
        """A decision of the agent's own handle."""
        decision = agent.check(tool, arguments)
        self.decided += 1
        self.expect(f"{tool} {arguments}", decision.reason or "permit", *right)
        return decision

    def proved(self, agent, arguments, *right):
        """A decision with a proof, of a guard in this process, or of one in another."""
        if self.chance.random() < 0.5:
            chain, proof = agent.present("read", arguments, audience="server")
            self.expect("present", True, True)
            self.expect(f"at the server {arguments}", self.ask_server(arguments, chain, proof), *right)
        else:
            chain, proof = agent.present("read", arguments, audience="here")
            self.expect("present", True, True)
            reason = self.office.guard.check("read", arguments, chain=chain, proof=proof).reason or "permit"
            self.expect(f"at the guard {arguments}", reason, *right)
            if self.chance.random() < 0.3:
                again = self.office.guard.check("read", arguments, chain=chain, proof=proof).reason
                self.expect("the same proof again", again, "replayed" if reason == "permit" else reason, reason)
                self.decided += 1
        self.decided += 1

    def live(self):
        """From start to end: sixty operations or so."""
        chance, n = self.chance, self.chance.randrange(100)
        self.home = f"/data/{n}"
        agent = self.office.authority.agent(
            "worker", principal=f"user:{self.number}@acme.example", task="soak", scope=f"read(path under '{self.home}'); {TOOLS}"
        )
        self.expect("start", True, True)
        parts = [self.reads, self.toggles, self.spawns, self.secrets, self.holds]
        # The directory has 65,536 meters, and keeps labels for 31 days.
        parts += [part for part in (self.pings, self.pays, self.flows) if chance.random() < 0.5]
        parts += [self.parks] * (chance.random() < 0.3) + [self.reviews] * (chance.random() < 0.3)
        parts += [self.rotates] * (chance.random() < 0.2)
        chance.shuffle(parts)
        for part in parts:
            agent = part(agent) or agent
        self.ends(agent)

    def inside(self):
        return {"path": f"{self.home}/{self.chance.randrange(1000)}"}

    def reads(self, agent):
        for _ in range(6):
            self.own(agent, "read", self.inside(), "permit")
        self.own(agent, "read", {"path": f"{self.home}1"}, "argument_constraint_violated")
        self.own(agent, "write", {}, "tool_not_authorized")
        for _ in range(4):
            self.proved(agent, self.inside(), "permit")
        self.proved(agent, {"path": "/etc/passwd"}, "argument_constraint_violated")

    def pings(self, agent):
        for _ in range(PINGS):
            self.own(agent, "ping", {}, "permit")
        self.own(agent, "ping", {}, "rate_limited")

    def pays(self, agent):
        """Whole calls, that cost what they say, less, or nothing; then one too dear."""
        left = PURSE
        for _ in range(4):
            amount = self.chance.randint(1, PURSE // 3)
            self.decided += 1
            try:
                call = agent.call("pay", {"usd": text(amount)})
            except libagentid.Denied as denied:
                if self.is_busy(denied.reason):
                    continue
                self.expect("pay", denied.reason, "budget_exhausted" if amount > left else "permit")
                continue
            self.expect("pay", "permit", "permit" if amount <= left else "budget_exhausted")
            cost = self.chance.choice([0, amount, self.chance.randint(0, amount)])
            if cost == 0:
                call.abort()
            else:
                call.cost(usd=text(cost))
                call.commit()
            self.expect("the call's end", True, True)
            left, self.spent = left - cost, self.spent + cost
        denied = self.own(agent, "pay", {"usd": text(left + 1)}, "budget_exhausted", "budget_unavailable")
        if not self.is_busy(denied.reason):
            self.expect("what is left", denied.left["amount"], text(left))

    def is_busy(self, reason):
        """Whether the registry was locked for too long to lend of a budget, as where the machine has too much to do."""
        self.busy += reason == "budget_unavailable"
        return reason == "budget_unavailable"

    def flows(self, agent):
        if not agent.labels():
            self.own(agent, "send", {}, "permit")
            self.own(agent, "fetch", {}, "permit")
        self.own(agent, "send", {}, "flow_refused")
        self.expect("labels", agent.labels(), ["untrusted"])

    def toggles(self, agent):
        applied = self.office.applied.value
        reason = agent.check("toggle", {}).reason or "permit"
        self.decided += 1
        right = {"policy_denied" if version % 2 else "permit" for version in range(applied, self.office.announced.value + 1)}
        self.expect("toggle", reason, *right)

    def spawns(self, agent):
        path = f"{self.home}/below"
        with agent.spawn("helper", f"read(path under '{path}')") as child:
            self.expect("spawn", True, True)
            self.own(child, "read", {"path": f"{path}/x"}, "permit")
            self.own(child, "read", {"path": f"{self.home}/x"}, "argument_constraint_violated")
            self.proved(child, {"path": f"{path}/y"}, "permit")
            self.own(child, "ping", {}, "tool_not_authorized")
            chain, proof = child.present("read", {"path": path}, audience="here")
        self.expect("end of a child", True, True)
        self.gone(chain, proof, {"path": path})

    def gone(self, chain, proof, arguments):
        reason = self.office.guard.check("read", arguments, chain=chain, proof=proof).reason
        self.decided += 1
        self.ended += 1
        self.expect("after its end", reason, "authority_revoked")

    def secrets(self, agent):
        decision = agent.authorize("read", self.inside())
        self.decided += 1
        self.expect("authorize", True, True)
        lease = self.office.authority.acquire(decision, "shelf", "item", 60)
        secret = lease.secret
        self.expect("secret", self.office.shelf.holds(secret, "item"), True)
        if self.chance.random() < 0.7:
            lease.release()
            self.expect("a secret given back", self.office.shelf.holds(secret, "item"), False)

    def holds(self, agent):
        arguments = self.inside()
        self.office.authority.suspend(agent, "soak")
        self.expect("suspend", True, True)
        self.own(agent, "read", arguments, "suspended")
        self.office.authority.resume(agent)
        self.expect("resume", True, True)
        self.own(agent, "read", arguments, "permit")

    def parks(self, agent):
        arguments = self.inside()
        chain, proof = agent.present("read", arguments, audience="here")
        name, labels = agent.id, agent.labels()
        agent.park(600)
        self.expect("park", True, True)
        reason = self.office.guard.check("read", arguments, chain=chain, proof=proof).reason
        self.decided += 1
        self.expect("while parked", reason, "parked")
        agent = self.office.authority.unpark(name)
        self.expect("unpark", agent.labels(), labels)
        self.own(agent, "read", arguments, "permit")
        return agent

    def reviews(self, agent):
        """People are asked, and their word is good for one call; a new policy asks anew."""
        applied = self.office.applied.value
        request = self.own(agent, "review", {"n": self.chance.randrange(1000)}, "approval_required").approval
        arguments = self.office.authority.approval(request)["arguments"]
        try:
            self.office.authority.approve(request, by="user:cfo", key=self.office.approver)
            self.expect("approve", True, True)
        except libagentid.Error as error:
            if self.office.announced.value == applied:
                raise Disagreement(f"approve: {error.name}") from error
        decision = agent.check("review", arguments)
        self.decided += 1
        right = ["permit"] if self.office.announced.value == applied else ["permit", "approval_required"]
        self.expect("an approved call", decision.reason or "permit", *right)
        if decision.permitted:
            self.own(agent, "review", arguments, "approval_required")

    def rotates(self, agent):
        old = agent.present("read", arguments := self.inside(), audience="here")
        agent.rotate_key(revoke_old=True)
        self.expect("rotate", True, True)
        reason = self.office.guard.check("read", arguments, chain=old[0], proof=old[1]).reason
        self.decided += 1
        self.expect("the old key", reason, "authority_revoked")
        self.own(agent, "read", arguments, "permit")

    def ends(self, agent):
        arguments = self.inside()
        chain, proof = agent.present("read", arguments, audience="here")
        name, way = agent.id, self.chance.choice(["end", "close", "revoke", "deprovision"])
        if way == "revoke":
            self.office.authority.revoke(agent=agent)
            self.expect("revoke", True, True)
        if way == "deprovision":
            self.office.authority.deprovision(agent, "soak")
        else:
            agent.end("soak")
        self.expect(way, True, True)
        self.gone(chain, proof, arguments)
        if self.chance.random() < 0.1:
            # Another process may be about to return a secret that it held.
            left = self.office.authority.verify_gone(name)
            self.expect("gone", (left.gone or bool(left.leases), left.permitted), (True, []))
        agent.close()
