"""A text that UTF-8 does not have, a lone surrogate, is an error of the library that names the parameter, wherever it is given."""

from __future__ import annotations

import pathlib
import time
import types
from collections.abc import Callable
from typing import Any

import libagentid
import pytest
from life import ALICE, CALL, OWNER, SCOPE, open_authority, start

LONE = "a\ud800"
TASK: Any = {"principal": ALICE, "task": "t", "scope": SCOPE}
CASES: dict[str, Callable[[Any, Any, Any], object]] = {
    "trust_domain": lambda acme, agent, guard: libagentid.Authority.open(None, trust_domain=LONE),
    "passphrase": lambda acme, agent, guard: libagentid.Authority.open(None, trust_domain="a.example", passphrase=LONE),
    "directory": lambda acme, agent, guard: libagentid.Audit.open(LONE),
    "name": lambda acme, agent, guard: acme.put_profile(LONE, owner=OWNER, ceiling=SCOPE),
    "owner": lambda acme, agent, guard: acme.put_profile("p", owner=LONE, ceiling=SCOPE),
    "ceiling": lambda acme, agent, guard: acme.put_profile("p", owner=OWNER, ceiling=LONE),
    "profile": lambda acme, agent, guard: acme.agent(LONE, **TASK),
    "principal": lambda acme, agent, guard: acme.agent("researcher", **{**TASK, "principal": LONE}),
    "task": lambda acme, agent, guard: acme.agent("researcher", **{**TASK, "task": LONE}),
    "intent": lambda acme, agent, guard: acme.agent("researcher", intent=LONE, **TASK),
    "scope": lambda acme, agent, guard: acme.agent("researcher", **{**TASK, "scope": LONE}),
    "reason of suspend": lambda acme, agent, guard: acme.suspend(agent, LONE),
    "reason of end": lambda acme, agent, guard: agent.end(LONE),
    "id": lambda acme, agent, guard: acme.resume(LONE),
    "name of spawn": lambda acme, agent, guard: agent.spawn(LONE, same_scope=True),
    "holder": lambda acme, agent, guard: agent.delegate(LONE, same_scope=True),
    "tool of prove": lambda acme, agent, guard: agent.prove(LONE, {}, audience="x"),
    "audience of prove": lambda acme, agent, guard: agent.prove(*CALL, audience=LONE),
    "nonce of prove": lambda acme, agent, guard: agent.prove(*CALL, audience="x", nonce=LONE),
    "audience of a guard": lambda acme, agent, guard: acme.guard(audience=LONE),
    "decision": lambda acme, agent, guard: guard.report(LONE, "succeeded"),
    "outcome": lambda acme, agent, guard: guard.report("01J", LONE),
    "bundle": lambda acme, agent, guard: guard.add_bundle("a.example", LONE),
    "revoked": lambda acme, agent, guard: acme.revoke(principal=LONE),
    "policy": lambda acme, agent, guard: acme.apply_policy(LONE),
    "policy as a document": lambda acme, agent, guard: acme.apply_policy({"version": 1, "labels": [LONE]}),
    "a scope": lambda acme, agent, guard: libagentid.Scope(LONE),
    "a chain": lambda acme, agent, guard: libagentid.chain_reference(LONE),
    "unit": lambda acme, agent, guard: agent.call(*CALL).cost({LONE: "1"}),
    "outcome of commit": lambda acme, agent, guard: agent.call(*CALL).commit(LONE),
    "key of abort": lambda acme, agent, guard: agent.call(*CALL).abort(key=LONE),
    "labels": lambda acme, agent, guard: agent.call(*CALL).labels(LONE),
    "hook": lambda acme, agent, guard: acme.add_hook(LONE, lambda event: None),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_lone_surrogate_is_an_error_of_the_library(name: str, tmp_path: pathlib.Path) -> None:
    with open_authority(tmp_path / "acme") as acme, start(acme) as agent, acme.guard(audience="files") as guard:
        with pytest.raises(libagentid.Error) as raised:
            CASES[name](acme, agent, guard)
        assert raised.value.where or raised.value.name in ("utf8", "json"), raised.value
        assert agent.check(*CALL).permitted


OPTIONS = [
    "trust_domain",
    "passphrase",
    "owner",
    "ceiling",
    "principal",
    "task",
    "intent",
    "scope",
    "nonce of prove",
    "audience of a guard",
]


@pytest.mark.parametrize("name", OPTIONS)
def test_a_nul_in_an_option_is_an_error_of_the_library_too(
    name: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "LONE", "a\0b")
    with open_authority(tmp_path / "acme") as acme, start(acme) as agent, acme.guard(audience="files") as guard:
        with pytest.raises(libagentid.Error, match="a NUL character cannot be part of an option") as raised:
            CASES[name](acme, agent, guard)
        assert (raised.value.name, raised.value.where) == ("argument", f"options.{name.split()[0]}")
        assert agent.check(*CALL).permitted


def test_the_error_names_the_parameter_and_the_byte(tmp_path: pathlib.Path) -> None:
    with open_authority(tmp_path / "acme") as acme, start(acme) as agent:
        with pytest.raises(libagentid.Error, match="reason is not UTF-8 at byte 1") as raised:
            agent.end(LONE)
        assert (raised.value.name, raised.value.where) == ("utf8", "reason")


def test_what_a_tool_says_of_its_failure_is_recorded_without_what_is_not_text(tmp_path: pathlib.Path) -> None:
    from libagentid.tools import authorize

    with open_authority(tmp_path / "acme") as acme, start(acme) as agent:
        authorize(*CALL, agent=agent).failed(LONE)
        acme.integrate()
        with libagentid.Audit.open(tmp_path / "acme") as audit:
            assert [entry["outcome"] for entry in audit.entries() if entry["kind"] == "outcome"] == ["failed: a?"]


NO_TEXTS: dict[str, Callable[[Any, Any, Any], object]] = {
    "name": lambda acme, agent, guard: acme.put_profile(7, owner=OWNER, ceiling=SCOPE),
    "profile": lambda acme, agent, guard: acme.agent(7, **TASK),
    "reason": lambda acme, agent, guard: acme.suspend(agent, 7),
    "holder": lambda acme, agent, guard: agent.delegate(7, same_scope=True),
    "tool": lambda acme, agent, guard: agent.prove(7, {}, audience="x"),
    "audience": lambda acme, agent, guard: agent.prove(*CALL, audience=7),
    "request": lambda acme, agent, guard: acme.approval(7),
    "by": lambda acme, agent, guard: acme.refuse("r", by=7),
    "decision": lambda acme, agent, guard: libagentid.Audit.open(guard).find(7),
    "trust_domain": lambda acme, agent, guard: guard.add_bundle(7, "{}"),
    "revocations": lambda acme, agent, guard: guard.load_revocations(7),
    "unit": lambda acme, agent, guard: agent.call(*CALL).cost({7: "1"}),
    "key": lambda acme, agent, guard: agent.call(*CALL).abort(key=7),
    "principal": lambda acme, agent, guard: acme.deprovision_principal(7),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_TEXTS)
def test_what_is_no_text_is_refused_by_the_name_of_its_parameter(name: str, tmp_path: pathlib.Path) -> None:
    with open_authority(tmp_path / "acme") as acme, start(acme) as agent, acme.guard(audience="files") as guard:
        with pytest.raises(TypeError, match=f"^{name} is a text, not int$"):
            NO_TEXTS[name](acme, agent, tmp_path / "acme" if name == "decision" else guard)
        assert agent.check(*CALL).permitted and not acme.agents(state="suspended")


def test_lists_of_texts_are_refused_by_name_and_cost_little_however_long() -> None:
    wrong: Any = {"labels": (5, "a"), "audiences": ({"a": 1}.items(), b"x", [b"x"], ["a"] * 100_000 + [5])}
    long: Any = {"audiences": ["g" * 256] * 100_000, "labels": ["x" * 64] * 100_000}
    with open_authority() as acme, start(acme) as agent:
        for name, values in wrong.items():
            for value in values:
                with pytest.raises(TypeError, match=f"^{name} is a list of texts") as raised:
                    agent.spawn("k", SCOPE, **{name: value})
                assert len(str(raised.value)) < 100
        for name, value in long.items():
            before = time.thread_time()
            with pytest.raises(libagentid.Error) as refused:
                agent.spawn("k", SCOPE, **{name: value})
            assert refused.value.where.endswith(name)
            assert time.thread_time() - before < 0.05


class _Vault:
    release_command = ()
    acquire = release = print


class _Half(_Vault):
    release: Any = 5


OTHER_KINDS: dict[str, Callable[[Any, Any, Any], object]] = {
    r"decision is of the type Decision, not NoneType": lambda acme, agent, guard: guard.report(None, "succeeded"),
    r"labels are given one by one, labels\('a', 'b'\), not in a list": lambda acme, agent, guard: agent.add_labels(["a"]),
    r"labels are given one by one, .* not in a tuple": lambda acme, agent, guard: agent.call(*CALL).labels(("a",)),
    r"a provider is an object, _Vault\(\.\.\.\), not its class": lambda acme, agent, guard: acme.add_provider("v", _Vault),
    r"provider\.release is a function, not int": lambda acme, agent, guard: acme.add_provider("v", _Half()),
    r"signer\.sign is a function, not int": lambda acme, agent, guard: open_authority(
        signer=types.SimpleNamespace(public_key=bytes(32), sign=5)
    ),
    r"logger is a logging\.Logger, not int": lambda acme, agent, guard: libagentid.log_to(5),  # pyright: ignore[reportArgumentType]
    r"search\.query: .*: constraints have texts": lambda acme, agent, guard: libagentid.Scope.tool(
        "search", query=libagentid.scopes.one_of({1})  # pyright: ignore[reportArgumentType]
    ),
}  # fmt: skip


@pytest.mark.parametrize("said", OTHER_KINDS)
def test_what_is_of_another_kind_is_refused_by_the_name_of_its_parameter(said: str) -> None:
    with open_authority() as acme, start(acme) as agent, acme.guard(audience="files") as guard:
        with pytest.raises(TypeError, match=f"^{said}"):
            OTHER_KINDS[said](acme, agent, guard)
        assert agent.check(*CALL).permitted


def test_a_number_that_json_does_not_have_is_refused_by_the_name_of_its_argument() -> None:
    with pytest.raises(ValueError, match=r"^search\.hits: .*constraints have texts, numbers"):
        libagentid.Scope.tool("search", hits=libagentid.scopes.at_most(float("nan")))
