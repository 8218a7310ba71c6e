"""The controls that are compared. Each is decided by the library: a profile's ceiling, a policy, and the scopes of agents."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import directory
import libagentid

HERE = Path(__file__).parent
Json = dict[str, Any]


@dataclass
class Profile:
    """What a platform team writes for a suite, from the tools' descriptions."""

    suite: str
    pins: Json
    untrusted: list[str]
    private: list[str]
    outward: list[str]
    others: list[str]

    @classmethod
    def of(cls, suite: str) -> Profile:
        return cls(suite, **json.loads((HERE / f"profiles/{suite}.json").read_text()))

    @property
    def tools(self) -> list[str]:
        return sorted({*self.pins, *self.untrusted, *self.private, *self.outward, *self.others})

    @property
    def effects(self) -> str:
        return "; ".join(self.pins)


def labelled(profile: Profile) -> list[Json]:
    """Which tools return what others wrote, and which what is not for others."""
    return [
        {"id": "untrusted", "match": "; ".join(profile.untrusted), "labels": {"adds": ["untrusted"]}},
        {"id": "private", "match": "; ".join(profile.private), "labels": {"adds": ["private"]}},
    ]


def policy(profile: Profile, *rules: Json) -> Json:
    return {"version": 1, "labels": ["untrusted", "private", "outside"], "rules": [*labelled(profile), *rules]}


@dataclass
class Answer:
    permitted: bool
    is_asked: bool = False
    reason: str = ""


PERMITTED = Answer(True)


@dataclass
class Control:
    """One way to hold an agent. `pinned`: scopes by `for_task`; `asks`: what is outside them is asked."""

    name: str
    title: str
    pinned: bool = False
    rules: Any = None
    asks: bool = False
    authorities: dict[str, libagentid.Authority] = field(default_factory=dict)

    def task(self, profile: Profile, prompt: str, environment: Any) -> Task | TenuoTask:
        if self.name == "tenuo":
            return TenuoTask(profile, prompt, environment)
        return Task(self, profile, prompt, environment)

    def authority(self, profile: Profile) -> libagentid.Authority:
        if profile.suite not in self.authorities:
            acme = libagentid.Authority.open(trust_domain="acme.example")
            ceiling = "; ".join([*profile.tools, *(["ask_a_person"] if self.asks else [])])
            acme.put_profile(profile.suite, owner="team:platform@acme.example", ceiling=ceiling)
            if self.rules is not None:
                acme.apply_policy(self.rules(profile))
            self.authorities[profile.suite] = acme
        return self.authorities[profile.suite]


class Task:
    """One run of an agent under a control."""

    def __init__(self, control: Control, profile: Profile, prompt: str, environment: Any) -> None:
        self.control, self.profile, self.prompt = control, profile, prompt
        acme = control.authority(profile)
        self.ceiling = libagentid.Scope("; ".join(profile.tools))
        scope = self.scope(environment)
        self.text = str(scope)
        first = f"{self.ceiling}; ask_a_person" if control.asks else self.ceiling
        # Holds the ceiling, and hands on what the person named.
        self.root = acme.agent(profile.suite, principal="user:emma@acme.example", task="as the person said", scope=first)
        self.agent = self.root.spawn("worker", scope=scope) if control.pinned else self.root
        # Where the policy asks, what is outside is done by one whose label says so: its own, which no worker inherits.
        if control.asks:
            self.outside = self.root.spawn("outside", scope=first)
            self.outside.authorize("ask_a_person", {})

    def scope(self, environment: Any) -> libagentid.Scope:
        if not self.control.pinned:
            return self.ceiling
        return self.ceiling.for_task(
            self.prompt, self.profile.pins, directory.OF[self.profile.suite](environment, self.prompt)
        ).scope

    def decide(self, tool: str, arguments: Json, environment: Any) -> Answer:
        decision = self.agent.check(tool, arguments)
        if not decision and decision.rule is None and self.control.pinned:
            # The platform's lists grow while the agent works: a file that it made has a name now, which the person may have said.
            scope = self.scope(environment)
            if str(scope) != self.text:
                self.text, self.agent = str(scope), self.root.spawn("worker", scope=scope)
                decision = self.agent.check(tool, arguments)
        if not decision and decision.rule is None and self.control.asks:
            decision = self.outside.check(tool, arguments)
        if decision:
            return PERMITTED
        reason = f"{decision.reason}{f' ({decision.rule})' if decision.rule else ''}"
        return Answer(False, is_asked=decision.rule == "ask", reason=reason)

    def end(self) -> None:
        self.root.end()


class TenuoTask:
    """The same pins as constraints of tenuo, which knows no prompts and no labels: what is outside them is denied."""

    def __init__(self, profile: Profile, prompt: str, environment: Any) -> None:
        import tenuo

        self.profile, self.prompt = profile, prompt
        ceiling = libagentid.Scope("; ".join(profile.tools))
        found = ceiling.for_task(prompt, profile.pins, directory.OF[profile.suite](environment, prompt))
        self.tools = {*profile.tools} - {out["tool"] for out in found.document["left_out"]}
        self.pins: Json = {}
        for pin in found.document["pins"]:
            kind = tenuo.Subset if pin["pin"].rstrip("?").endswith("[]") else tenuo.OneOf
            texts = [value for value in pin["values"] if isinstance(value, str)]
            numbers = [tenuo.Range(value, value) for value in pin["values"] if not isinstance(value, str)]
            either = [*numbers, *([kind(texts)] if texts else [])]
            if pin["pin"].startswith("date"):
                either += [tenuo.Pattern(f"{text}*") for text in texts]
            if either:
                self.pins[pin["tool"], pin["argument"]] = either[0] if len(either) == 1 else tenuo.AnyOf(either)
        self.key, self.any = tenuo.SigningKey.generate(), tenuo.Wildcard()
        self.issue = tenuo.Warrant.issue

    def decide(self, tool: str, arguments: Json, _: Any) -> Answer:
        if tool not in self.tools:
            return Answer(False, reason="not in the warrant")
        limits = {name: self.pins.get((tool, name), self.any) for name in arguments}
        warrant = self.issue(self.key, capabilities={tool: limits}, ttl_seconds=3600, holder=self.key.public_key)
        said = warrant.check_constraints(tool, arguments)
        return Answer(said is None, reason=said or "")

    def end(self) -> None: ...


def refuses(profile: Profile, identifier: str, match: list[str], expression: str) -> Json:
    return policy(profile, {"id": identifier, "match": "; ".join(match), "labels": {"refuses": [expression]}})


CONTROLS = [
    Control("none", "nothing"),
    Control("scope", "the profile's ceiling alone"),
    Control("labels", "labels: after untrusted content no effects", rules=lambda p: refuses(p, "no-effects", list(p.pins), "untrusted")),
    Control("default", "the shipped default policy", rules=lambda p: refuses(p, "no-exfiltration", p.outward, "untrusted & private")),
    Control("asked", "after untrusted content each effect is asked", rules=lambda p: refuses(p, "ask", list(p.pins), "untrusted")),
    Control("tenuo", "the same pins as constraints of tenuo 0.3.3"),
    Control("for_task", "scope by for_task, what is outside is denied", pinned=True),
    Control(
        "for_task_asked", "scope by for_task, after untrusted content what is outside is asked", pinned=True, asks=True,
        rules=lambda p: policy(
            p,
            {"id": "outside", "match": "ask_a_person", "labels": {"adds": ["outside"], "for": "agent"}},
            {"id": "ask", "match": p.effects, "labels": {"refuses": ["untrusted & outside"]}},
        ),
    ),
]  # fmt: skip
