"""Chains over HTTP: long ones go by reference or as a body, and a client proves as its agent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from http_world import ROUTES, World, proven, serving, through_asgi, through_wsgi
from libagentid.http import Call, Refusal, asgi, guarding, wsgi
from libagentid.http._client import Presenter, wants_chain


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
        assert (status, said["reason"]) == (428, "chain_unknown") and wants_chain(status, sent["Agent-Chain"])
        assert not wants_chain(status, whole["Agent-Chain"]) and not wants_chain(200, sent["Agent-Chain"])
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
