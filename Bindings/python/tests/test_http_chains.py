"""Chains over HTTP: long ones go by reference or as a body, and a client proves as its agent."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from http_world import ROUTES, World, proven, serving, through_asgi, through_wsgi
from libagentid import Scope
from libagentid.http import Call, Refusal, asgi, guarding, wsgi
from libagentid.http._client import Presenter
from libagentid.http._sending import Answer, Sending
from libagentid.scopes import one_of


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with serving(tmp_path_factory.mktemp("http") / "acme") as world:
        yield world


def test_a_long_chain_goes_by_reference_and_once_in_whole(world: World) -> None:
    agents = [world.agent]
    try:
        for depth in range(3):
            agents.append(agents[-1].spawn(f"deep{depth}", same_scope=True))
        deep = Presenter(agents[-1], audience="files", routes=ROUTES)
        sent = proven(deep, "GET", "http://h/users/7")
        whole = proven(deep, "GET", "http://h/users/7", is_whole=True)
        assert (
            len(agents[-1].chain) >= 4096 and sent["Agent-Chain"] == agents[-1].chain_reference and len(sent["Agent-Chain"]) == 51
        )
        send = world.call(ROUTES)
        status, said, _ = send("GET", "/users/7", headers=sent)
        assert (status, said["reason"]) == (428, "chain_unknown")
        app = asgi.GuardMiddleware(world.asgi, guard=world.guard, routes=ROUTES)
        assert through_asgi(app, "GET", "/users/7", b"", list(whole.items()))[0] == 200
        again = proven(deep, "GET", "http://h/users/7")
        assert through_asgi(app, "GET", "/users/7", b"", list(again.items()))[0] == 200
        short = proven(Presenter(world.agent, audience="files", routes=ROUTES), "GET", "http://h/users/7")
        assert short["Agent-Chain"] == world.agent.chain
    finally:
        for agent in reversed(agents[1:]):
            agent.end()


def test_a_chain_is_introduced_as_a_body_and_no_handler_gets_it(world: World) -> None:
    agents = [world.agent]
    try:
        for depth in range(4):
            agents.append(agents[-1].spawn(f"far{depth}", same_scope=True))
        kind = [("Content-Type", "application/agent-chain")]
        apps = {asgi: through_asgi, wsgi: through_wsgi}
        for deep, (end, through) in zip(agents[-2:], apps.items(), strict=True):
            own: Any = {asgi: world.asgi, wsgi: world.wsgi}[end]
            app = end.GuardMiddleware(own, guard=guarding(world.directory, audience="files"), routes=ROUTES)
            presenter = Presenter(deep, audience="files", routes=ROUTES)

            def ask(app: Any = app, presenter: Presenter = presenter, through: Any = through) -> Any:
                return through(app, "GET", "/users/7", b"", list(proven(presenter, "GET", "http://h/users/7").items()))

            world.ran.clear()
            assert ask()[0] == 428
            for body, status in [
                (b"", 401),
                (b"abc", 401),
                (b"\xff", 401),
                (b"x" * (300 << 10), 413),
                (deep.chain.encode(), 204),
            ]:
                assert through(app, "POST", "/any/path", body, kind)[0] == status
            assert world.ran == [] and ask()[0] == 200
            assert (
                through(app, "GET", "/any/path", b"", kind)[0]
                == through(app, "POST", "/any/path", b"{}", [*kind, *kind])[0]
                == 403
            )
        long = Presenter(agents[-1], audience="files").of(Call("t", b"{}")).introduction()
        assert long is None or len(long) > 7 << 10
    finally:
        for agent in reversed(agents[1:]):
            agent.end()


Send = Callable[[str, bytes, dict[str, str]], tuple[int, bytes | None, dict[str, str]]]


def driven(sending: Sending, send: Send) -> Any:
    """What a client does: it sends the call, and what goes after it."""
    sent, requests = sending.headers(), 1

    def answer(step: Any) -> Answer:
        body, fields = (step, {"Content-Type": "application/agent-chain"}) if isinstance(step, bytes) else (b"", step)
        status, said, headers = send("POST" if body else "GET", body, fields)
        return Answer(status, {"Agent-Nonce": headers.get("agent-nonce", "")}, said)

    steps = sending.rest(sent, answer(sent))
    try:
        step = next(steps)
        while True:
            requests += 1
            step = steps.send(answer(step))
    except StopIteration as ended:
        return ended.value.status, requests


@pytest.mark.parametrize("nonces", [False, True])
def test_a_long_chain_comes_through_workers_that_share_no_memory_of_it(world: World, nonces: bool) -> None:
    """Behind a proxy with a limit of 8 kB: each has a turn, or any of them comes; whichever gets what, in the end the call runs."""
    guards = [world.acme.guard(audience="files", require_nonce=nonces) for _ in range(9)]
    any_of = random.Random(7)
    scope = Scope.tool("get_user", id=one_of("7", *(f"a user with a long name, {i:04}" for i in range(100))))
    try:
        with world.acme.agent("web", principal="user:alice@acme.example", task="t", scope=scope) as agent:
            for count, is_in_turn in itertools.product(range(1, 10), (True, False)):
                turns = itertools.count()
                apps = [asgi.GuardMiddleware(world.asgi, guard=guard, routes=ROUTES) for guard in guards[:count]]

                def send(
                    method: str, body: bytes, fields: Any, apps: Any = apps, turns: Any = turns, is_in_turn: Any = is_in_turn
                ) -> Any:
                    if any(len(value) > 8190 for value in fields.values()):
                        return 431, b"", {}
                    app = apps[next(turns) % len(apps)] if is_in_turn else any_of.choice(apps)
                    return through_asgi(app, method, "/users/7", body, list(fields.items()))

                with agent.spawn("deep", same_scope=True) as deep:
                    assert len(deep.chain) > 8190
                    presenter = Presenter(deep, audience="files", routes=ROUTES)
                    status, requests = driven(presenter.of(Call("get_user", b'{"id":"7"}')), send)
                assert (status, requests <= 60) == (200, True), (count, is_in_turn, status, requests)
                assert count > 1 or requests == 3 + nonces
    finally:
        for guard in guards:
            guard.close()


def test_a_428_of_a_handler_is_its_answer(world: World) -> None:
    presenter = Presenter(world.agent, audience="files", long_chain=1)

    def asked(body: bytes | None) -> Any:
        return driven(presenter.of(Call("t", b"{}")), lambda *_: (428, body, {}))

    for body in (b"", b"{", b"[]", b'{"reason":"if-match"}'):
        assert asked(body) == (428, 1)
    assert asked(b'{"reason":"chain_unknown"}') == (428, 2), "it fits into a header, and is sent there once"
    assert asked(None) == (428, 2), "an answer to HEAD says no more"


def test_a_client_proves_as_the_current_agent_and_not_without_one(world: World) -> None:
    presenter = Presenter(audience="files", routes=ROUTES)
    with pytest.raises(LookupError):
        proven(presenter, "GET", "http://h/users/7")
    assert proven(presenter, "GET", "http://h/health") == {}
    with pytest.raises(Refusal, match="no tool"):
        proven(presenter, "GET", "http://h/elsewhere")
    with pytest.raises(ValueError, match="at most 3 bytes"):
        proven(Presenter(world.agent, audience="files", max_body=3), "POST", "http://h/a", b"1234")
    with pytest.raises(ValueError, match="audience"):
        Presenter(world.agent, audience="")
    with world.agent.spawn("reader", same_scope=True) as reader:
        assert reader.chain == proven(presenter, "GET", "http://h/users/7")["Agent-Chain"]
