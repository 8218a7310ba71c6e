"""One list of cases for every language: Tests/Verdicts/cases.json."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any

import libagentid
import pytest

LIST = pathlib.Path(__file__).resolve().parents[3] / "Tests/Verdicts/cases.json"
CASES: list[dict[str, Any]] = json.loads(LIST.read_text()) if LIST.exists() else []
CEILING = "read_file(path under '/data'); search(query: *, limit?: *)"


class Runner:
    def __init__(self) -> None:
        self.acme = libagentid.Authority.open(trust_domain="acme.example")
        self.acme.put_profile("researcher", owner="team:research@acme.example", ceiling=CEILING)
        self.agents: dict[str, Any] = {}
        self.ids: dict[str, str] = {}
        self.chains: dict[str, str] = {}
        self.guards: dict[str, libagentid.Guard] = {}
        self.proofs: dict[str, str] = {}
        self.admissions: dict[str, libagentid.Admission] = {}

    def close(self) -> None:
        for guard in self.guards.values():
            guard.close()
        for agent in self.agents.values():
            agent.close()
        self.acme.close()

    def keep(self, name: str, agent: Any) -> None:
        self.agents[name], self.ids[name], self.chains[name] = agent, agent.id, agent.chain

    def step(self, step: dict[str, str]) -> str:
        """What comes of it: `ok`, or what `expect` would say."""
        do: Callable[[dict[str, str]], str | None] = getattr(self, "do_" + step["op"])
        try:
            return do(step) or "ok"
        except libagentid.Error as error:
            return error.name

    def do_start(self, step: dict[str, str]) -> None:
        profile = step.get("profile", "researcher")
        self.keep(
            step["agent"], self.acme.agent(profile, principal="user:alice@acme.example", task="review", scope=step["scope"])
        )

    def do_spawn(self, step: dict[str, str]) -> None:
        parent, scope = self.agents[step["parent"]], step.get("scope")
        self.keep(step["agent"], parent.spawn("reader", scope=scope, same_scope="same_scope" in step))

    def do_guard(self, step: dict[str, str]) -> None:
        self.guards[step["guard"]] = self.acme.guard(audience=step.get("audience"), any_audience="any_audience" in step)

    def do_authorize(self, step: dict[str, str]) -> str:
        self.agents[step["agent"]].authorize(step["tool"], arguments(step))
        return "permit"

    def do_check(self, step: dict[str, str]) -> str:
        return self.agents[step["agent"]].check(step["tool"], arguments(step)).reason or "permit"

    def do_keep(self, step: dict[str, str]) -> None:
        self.proofs[step["proof"]] = step["text"]

    def do_prove(self, step: dict[str, str]) -> None:
        agent = self.agents[step["agent"]]
        self.proofs[step["proof"]] = agent.prove(step["tool"], arguments(step), audience=step["audience"])
        self.chains[step["agent"]] = agent.chain

    def do_refer(self, step: dict[str, str]) -> None:
        agent = self.agents[step["agent"]]
        assert agent.chain_reference == libagentid.chain_reference(agent.chain)
        self.chains[step["agent"]] = step.get("text") or agent.chain_reference

    def do_guard_authorize(self, step: dict[str, str]) -> str:
        guard, chain, proof = self.guards[step["guard"]], self.chains[step["agent"]], self.proofs[step["proof"]]
        guard.authorize(step["tool"], arguments(step), chain=chain, proof=proof)
        return "permit"

    def do_guard_check(self, step: dict[str, str]) -> str:
        guard, chain, proof = self.guards[step["guard"]], self.chains[step["agent"]], self.proofs[step["proof"]]
        return guard.check(step["tool"], arguments(step), chain=chain, proof=proof).reason or "permit"

    def do_guard_agent(self, step: dict[str, str]) -> str:
        self.guards[step["guard"]].authorize(step["tool"], arguments(step), agent=self.agents[step["agent"]])
        return "permit"

    def do_admit(self, step: dict[str, str]) -> None:
        self.admissions[step["admission"]] = self.guards[step["guard"]].admit(self.chains[step["agent"]])

    def do_admission(self, step: dict[str, str]) -> str:
        self.admissions[step["admission"]].authorize(step["tool"], arguments(step), proof=self.proofs[step["proof"]])
        return "permit"

    def do_end(self, step: dict[str, str]) -> None:
        self.agents[step["agent"]].end()

    def do_close(self, step: dict[str, str]) -> None:
        self.agents[step["agent"]].close()

    def do_park(self, step: dict[str, str]) -> None:
        self.agents[step["agent"]].park(60)

    def do_unpark(self, step: dict[str, str]) -> None:
        self.keep(step["agent"], self.acme.unpark(self.ids[step["agent"]]))

    def do_rotate(self, step: dict[str, str]) -> None:
        self.agents[step["agent"]].rotate_key()

    def do_deprovision(self, step: dict[str, str]) -> None:
        self.acme.deprovision(self.ids[step["agent"]])

    def do_suspend(self, step: dict[str, str]) -> None:
        self.acme.suspend(step.get("id") or self.ids[step["agent"]])

    def do_resume(self, step: dict[str, str]) -> None:
        self.acme.resume(self.ids[step["agent"]])

    def do_revoke(self, step: dict[str, str]) -> None:
        self.acme.revoke(agent=self.ids[step["agent"]])

    def do_guard_revoke(self, step: dict[str, str]) -> None:
        self.guards[step["guard"]].revoke(agent=self.ids[step["agent"]])

    def do_verify_gone(self, step: dict[str, str]) -> str:
        return "gone" if self.acme.verify_gone(self.ids[step["agent"]]).gone else "not_gone"

    def do_permits(self, step: dict[str, str]) -> str:
        return "permit" if libagentid.Scope(step["scope"]).permits(step["tool"], arguments(step)) else "deny"


def arguments(step: dict[str, str]) -> Any:
    return json.loads(step["args"])


@pytest.mark.skipif(not CASES, reason="the list of cases is not here")
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_verdict(case: dict[str, Any]) -> None:
    runner = Runner()
    try:
        for number, step in enumerate(case["steps"]):
            assert runner.step(step) == step.get("expect", "ok"), f"step {number}: {step}"
    finally:
        runner.close()
