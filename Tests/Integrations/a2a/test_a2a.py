"""A guarded server of A2A and clients that prove, over JSON-RPC, REST and gRPC, streaming and not."""

import asyncio
import json

import libagentid
import pytest
from a2a.server.request_handlers.request_handler import RequestHandler
from a2a.types import GetTaskRequest, ListTasksRequest
from conftest import Broken, raising
from libagentid.integrations.a2a import AgentInterceptor, AgentUser, guard_handler
from writer import WAYS, client_of, request, said

AUDIENCE = "a2a://writer"
ways = pytest.mark.parametrize("way", WAYS)
kinds = pytest.mark.parametrize("streaming", [False, True], ids=["one answer", "stream"])


@pytest.fixture
def guard(acme):
    acme.put_profile("asks", owner="team:x@acme.example", ceiling="a2a/send_message; a2a/get_task; a2a/list_tasks")
    with acme.guard(audience=AUDIENCE) as guard:
        yield guard


@pytest.fixture
def asking(acme, guard, request):
    def asking(scope="a2a/send_message; a2a/list_tasks", principal="user:alice@acme.example"):
        agent = acme.agent("asks", principal=principal, task="T-1", scope=scope)
        request.addfinalizer(agent.close)
        request.addfinalizer(agent.end)
        return agent

    return asking


def run(guard, ran, way, agent, body, *, streaming=True, audience=AUDIENCE, tenant="", own_tenant=None):
    """What `body` returns, of a client of the guarded server; the agent None sends no proof."""

    async def main():
        tenant_sent = tenant if own_tenant is None else own_tenant
        interceptors = [AgentInterceptor(agent, audience=audience, tenant=tenant_sent)] if agent else []
        guarding = (lambda handler: guard_handler(handler, guard)) if guard else (lambda handler: handler)
        async with client_of(guarding, ran, way, interceptors, streaming=streaming, tenant=tenant) as client:
            return await body(client)

    return asyncio.run(main())


def refused(guard, ran, way, agent, text="hello", **how):
    with pytest.raises(Exception) as raised:
        run(guard, ran, way, agent, lambda client: said(client, text), **how)
    assert ran == [], "the agent ran"
    return str(raised.value)


@ways
def test_a_guard_that_each_worker_opens_decides_as_well(ran, way, tmp_path):
    from libagentid.http import guarding

    where = tmp_path / "acme"
    with libagentid.Authority.open(where, trust_domain="acme.example") as home:
        home.put_profile("reader", owner="team:data@acme.example", ceiling="a2a/send_message")
        with home.agent("reader", principal="user:alice@acme.example", task="T-1", scope="a2a/send_message") as agent:
            there = guarding(where, audience=AUDIENCE)
            assert run(there, ran, way, agent, lambda client: said(client, "hello")) == ["wrote hello"]
            ran.clear()
            assert "chain_empty" in refused(there, ran, way, None)
            gone = guarding(tmp_path / "nowhere", audience=AUDIENCE)
            assert "nowhere" not in refused(gone, ran, way, agent)


def test_what_is_no_guard_is_refused_at_once(ran):
    for other in (None, "./acme", object()):
        with pytest.raises(TypeError, match="guard is a Guard, or guarding"):
            guard_handler(object(), other)


@ways
def test_unguarded_the_agent_does_what_anybody_says(ran, way):
    assert run(None, ran, way, None, lambda client: said(client, "hello")) == ["wrote hello"]
    assert ran == [("hello", None)]


@ways
@kinds
def test_a_permitted_message_runs_for_its_principal_and_its_outcome_is_recorded(guard, asking, ran, outcomes, way, streaming):
    agent = asking()
    assert run(guard, ran, way, agent, lambda client: said(client, "hello"), streaming=streaming) == ["wrote hello"]
    assert ran == [("hello", "user:alice@acme.example")]
    assert outcomes(agent) == ["succeeded"]


@ways
@kinds
def test_without_a_proof_nothing_runs(guard, ran, way, streaming):
    assert "has not run" in refused(guard, ran, way, None, streaming=streaming)


@ways
@kinds
def test_what_the_chain_does_not_permit_never_runs_and_the_caller_reads_why(guard, asking, ran, way, streaming):
    said = refused(guard, ran, way, asking("a2a/list_tasks"), streaming=streaming)
    assert "tool_not_authorized" in said
    narrow = asking("a2a/send_message(message: *)")  # and no configuration
    said = refused(guard, ran, way, narrow, "hunter2", streaming=streaming)
    assert "configuration" in said and "hunter2" not in said


@ways
def test_another_audience_and_a_revoked_agent_are_refused(guard, asking, acme, ran, way):
    refused(guard, ran, way, asking(), audience="a2a://other")
    agent = asking()
    acme.revoke(agent=agent)
    assert "revoked" in refused(guard, ran, way, agent)


@ways
def test_what_is_changed_after_it_was_proved_never_runs(guard, asking, ran, way):
    class Changes(AgentInterceptor):
        async def before(self, args):
            await super().before(args)
            args.input.message.parts[0].text = "rm -rf /"

    async def main():
        guarding = lambda handler: guard_handler(handler, guard)  # noqa: E731
        async with client_of(guarding, ran, way, [Changes(asking(), audience=AUDIENCE)]) as client:
            await said(client, "hello")

    with pytest.raises(Exception, match="has not run"):
        asyncio.run(main())
    assert ran == []


def test_a_proof_is_good_once(guard, asking, ran):
    class Repeats(AgentInterceptor):
        sent = None

        async def before(self, args):
            if self.sent is None:
                await super().before(args)
                type(self).sent = args.context
            args.context = self.sent

    async def twice(client):
        return await said(client, "hello"), await said(client, "hello")

    async def main():
        interceptors = [Repeats(asking(), audience=AUDIENCE)]
        async with client_of(lambda handler: guard_handler(handler, guard), ran, "JSONRPC", interceptors) as client:
            await twice(client)

    with pytest.raises(Exception, match="replayed"):
        asyncio.run(main())
    assert len(ran) == 1


def test_outside_of_any_agent_nothing_is_sent(guard, ran):
    async def main():
        interceptors = [AgentInterceptor(audience=AUDIENCE)]
        async with client_of(lambda handler: guard_handler(handler, guard), ran, "JSONRPC", interceptors) as client:
            await said(client, "hello")

    with pytest.raises(LookupError):
        asyncio.run(main())
    assert ran == []


@ways
def test_tasks_belong_to_the_agent_that_sent_them(guard, asking, ran, way):
    async def listed(client):
        return len((await client.list_tasks(ListTasksRequest())).tasks)

    assert run(guard, ran, way, asking(), listed) == 0
    with pytest.raises(Exception, match="tool_not_authorized"):
        run(guard, ran, way, asking("a2a/send_message"), listed)
    with pytest.raises(Exception, match="tool_not_authorized"):
        run(guard, ran, way, asking(), lambda client: client.get_task(GetTaskRequest(id="t")))


def test_a_tenant_is_proved_with_the_rest(guard, asking, ran):
    assert run(guard, ran, "JSONRPC", asking(), lambda client: said(client, "hello"), tenant="blue") == ["wrote hello"]
    ran.clear()
    refused(guard, ran, "JSONRPC", asking(), tenant="blue", own_tenant="")


@ways
@pytest.mark.parametrize("error", [Broken("guard"), MemoryError(), libagentid.Error(2, "argument", "broken", "", None),
    libagentid.Denied(1, "audit_unavailable", "the audit log cannot be written", "", None)], ids=lambda e: type(e).__name__)  # fmt: skip
def test_whatever_breaks_in_the_guard_nothing_runs_and_nothing_leaks(guard, asking, ran, monkeypatch, way, error):
    agent = asking()
    monkeypatch.setattr(libagentid.Guard, "authorize", raising(error))
    assert "Broken" not in refused(guard, ran, way, agent)


def test_the_operators_log_raises_and_nothing_runs(guard, asking, ran, monkeypatch):
    monkeypatch.setattr("libagentid.tools._call.tell", raising(Broken("log")))
    refused(guard, ran, "JSONRPC", asking("a2a/list_tasks"))


def test_every_method_of_a_handler_is_guarded(guard, ran):
    calls = []

    class Handler(RequestHandler):
        pass

    def unary(name):
        async def method(self, params, context):
            calls.append(name)

        return method

    names = [name for name in dir(RequestHandler) if name.startswith("on_")]
    made = type("All", (Handler,), {name: unary(name) for name in names})
    guarded = guard_handler(made(), guard)
    assert all(name in vars(type(guarded)) for name in names)
    with pytest.raises(ValueError, match="already"):
        guard_handler(guarded, guard)

    class Context:
        state = {"headers": {}}

    async def each():
        for name in names:
            asked = getattr(guarded, name)(request("x"), Context)
            with pytest.raises(Exception, match="has not run"):
                await (anext(asked) if hasattr(asked, "__anext__") else asked)

    asyncio.run(each())
    assert calls == [] and len(names) == 11


def test_the_outcome_of_an_agent_that_fails_is_recorded(guard, asking, ran, outcomes):
    agent = asking()
    with pytest.raises(Exception):
        run(guard, ran, "JSONRPC", agent, lambda client: said(client, "boom"))
    assert ran == [("boom", "user:alice@acme.example")]
    assert outcomes(agent)[0].startswith("failed: ")


def public(key):
    return json.dumps({name: value for name, value in json.loads(key).items() if name != "d"})


def test_nobody_has_the_tasks_of_another_by_having_no_name_or_another_domains_principal(acme, guard, asking, tmp_path):
    def users(agent, audience=AUDIENCE):
        chain, proof = agent.present("a2a/list_tasks", {}, audience=audience)
        decision = guard.authorize("a2a/list_tasks", {}, chain=chain, proof=proof)
        return [AgentUser(decision, by_principal) for by_principal in (False, True)]

    one, bob, again = asking(), asking(principal="user:bob@acme.example"), asking()
    keys = [libagentid.generate_key() for _ in range(2)]
    unnamed = [libagentid.Agent.open(key, one.delegate(public(key), same_scope=True)) for key in keys]
    with libagentid.Authority.open(tmp_path / "partner", trust_domain="partner.example") as partner:
        partner.put_profile("asks", owner="team:x@partner.example", ceiling="a2a/list_tasks")
        guard.add_bundle("partner.example", partner.bundle())
        with partner.agent("asks", principal="user:alice@acme.example", task="T-1", scope="a2a/list_tasks") as theirs:
            found = [users(each) for each in (one, bob, again, *unnamed, theirs)]
    by_agent, by_principal = ([each[kind].user_name for each in found] for kind in (0, 1))
    assert len(set(by_agent)) == 6 and by_agent[0] == one.id and all(name.startswith("key:") for name in by_agent[3:5])
    alice, others = {by_principal[i] for i in (0, 2, 3, 4)}, {by_principal[1], by_principal[5]}
    assert len(alice) == 1 and len(alice | others) == 3
    assert {each[0].principal for each in (found[0], found[5])} == {"user:alice@acme.example"}
    assert (found[0][0].domain, found[5][0].domain) == ("acme.example", "partner.example")
    for each in unnamed:
        each.close()
