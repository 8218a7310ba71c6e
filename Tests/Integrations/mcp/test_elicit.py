"""Approvals by elicitation: the client's user is asked about one call, and an approver's key that the operator gave signs."""

import asyncio
import contextlib
import json
import pathlib
import subprocess
import sys

import flavours
import libagentid
import pytest
from flavours import text
from libagentid.integrations.mcp import Elicitation, guard_server, prove_calls
from libagentid.tools import acting

AUDIENCE, DESK = "mcp://files", "desk:files"
CALL = ("read_file", {"path": "/data/a"})
MODES = {"mcp1": ["legacy"], "mcp2": ["auto", "legacy"], "fastmcp": ["auto", "legacy"]}[flavours.FLAVOUR]


class Office:
    """A server whose policy asks about each file, a client whose user says what is told here, and what each of them saw."""

    def __init__(self, acme, key, mode):
        self.acme, self.key, self.mode, self.asked, self.ran, self.says = acme, key, mode, [], [], "yes"
        self.guard, self.elicit, self.can_ask = acme.guard(audience=AUDIENCE), Elicitation(acme, by=DESK, key=key), True

    async def user(self, params):
        """The form's message, and what the user makes of it."""
        self.asked.append(params.message)
        if self.says == "late":
            await asyncio.sleep(1.5)
        if self.says == "breaks":
            raise RuntimeError("the window was closed")
        return {
            "yes": {"action": "accept", "content": {"approve": True}},
            "late": {"action": "accept", "content": {"approve": True}},
            "no": {"action": "accept", "content": {"approve": False}},
            "decline": {"action": "decline"},
            "cancel": {"action": "cancel"},
            "empty": {"action": "accept", "content": {}},
            "text": {"action": "accept", "content": {"approve": "true"}},
            "one": {"action": "accept", "content": {"approve": 1}},
        }[self.says]

    @contextlib.asynccontextmanager
    async def client(self, server):
        """A connected client, as a function from a call to its answer."""
        if flavours.FLAVOUR == "mcp1":
            from mcp import types

            async def callback(_, params):
                return types.ElicitResult.model_validate(await self.user(params))

            connect = flavours.create_connected_server_and_client_session
            async with connect(server._mcp_server, elicitation_callback=callback if self.can_ask else None) as session:
                yield prove_calls(session, audience=AUDIENCE).call_tool
            return
        from mcp_types import ElicitResult

        async def callback(*given):
            params = given[2] if flavours.FLAVOUR == "fastmcp" else given[1]
            return ElicitResult.model_validate(await self.user(params))

        named = "elicitation_handler" if flavours.FLAVOUR == "fastmcp" else "elicitation_callback"
        asking = {named: callback} if self.can_ask else {}
        async with flavours.Client(server, mode=self.mode, **asking) as client:
            prove_calls(client, audience=AUDIENCE)
            self.session = client.session
            yield client.call_tool_mcp if flavours.FLAVOUR == "fastmcp" else client.call_tool

    def run(self, *calls, **guarding):
        """What calls are answered with, one after the other."""
        server = guard_server(flavours.make(self.ran), self.guard, **{"elicit": self.elicit, **guarding})

        async def main():
            said = []
            async with self.client(server) as call:
                for each in calls:
                    try:
                        said.append(text(await call(*each)))
                    except Exception as error:
                        said.append((f"{type(error).__name__}: {error}", True))
                if self.says == "late":
                    await asyncio.sleep(0.5)  # mcp 1 tells the client that its answer came too late: it is still there
            return said

        with acting(self.agent):
            return asyncio.run(asyncio.wait_for(main(), 50))


def policy(keys, rule):
    approvers = [{"name": name, "key": json.loads(key)["x"]} for name, key in keys.items()]
    return {
        "version": 1,
        "approvers": approvers,
        "rules": [{"id": "asks", "match": "read_file", "approval": {"within": "1h", **rule}}],
    }


@pytest.fixture(params=MODES)
def office(request):
    key, cfo = libagentid.generate_key(), libagentid.generate_key()
    with libagentid.Authority.open(trust_domain="acme.example") as acme:
        acme.put_profile("worker", owner="team:x@acme.example", ceiling="read_file(path under '/data'); send_mail(to: *)")
        acme.apply_policy(policy({DESK: key, "user:cfo": cfo}, {"of": [DESK]}))
        made = Office(acme, key, request.param)
        made.cfo = cfo
        with acme.agent("worker", principal="user:alice@acme.example", task="Q3", scope="read_file(path under '/data')") as agent:
            made.agent = agent
            yield made


def test_a_yes_permits_exactly_this_call_once(office):
    said = office.run(CALL, ("read_file", {"path": "/data/b"}))
    assert said == [("text of /data/a", False), ("text of /data/b", False)]
    assert office.ran == [("read_file", "/data/a"), ("read_file", "/data/b")] and len(office.asked) == 2
    assert office.acme.approvals() == []  # both are used
    office.says = "decline"
    assert office.run(CALL)[0][1] and len(office.asked) == 3 and len(office.ran) == 2  # asked anew


def test_the_user_is_shown_tool_arguments_agent_rule_and_request(office):
    office.says = "cancel"
    office.run(CALL)
    (request,) = office.acme.approvals()
    for shown in ("read_file", '{"path": "/data/a"}', office.agent.id, '"asks"', request["id"], "user:alice@acme.example", "Q3"):
        assert shown in office.asked[0], shown


@pytest.mark.parametrize("says", ["no", "decline", "cancel", "empty", "text", "one", "breaks", "late"])
def test_anything_but_a_yes_denies(office, says):
    office.says, office.elicit.timeout = says, 0.3
    if says == "late" and office.mode == "auto":
        pytest.skip("the client keeps no call open that the server could let go")
    said = office.run(CALL)
    assert said[0][1] and office.ran == []
    (request,) = office.acme.approvals()
    assert request["state"] == ("refused" if says in ("no", "decline") else "pending") and request["approved_by"] == []
    if says in ("no", "decline"):
        asked, office.says = len(office.asked), "yes"
        office.run(CALL)
        assert office.ran == [] and len(office.asked) == asked  # what was refused is not asked again


def test_a_client_that_cannot_ask_reads_that_it_waits(office):
    office.can_ask = False
    said, is_error = office.run(CALL)[0]
    assert is_error and "has not run" in said and office.ran == office.asked == []
    (request,) = office.acme.approvals()
    assert request["state"] == "pending"
    office.acme.approve(request["id"], by=DESK, key=office.key)  # by another way
    assert office.run(CALL) == [("text of /data/a", False)]


def test_without_being_told_to_nobody_is_asked(office):
    assert office.run(CALL, elicit=None)[0][1] and office.ran == office.asked == []


def test_what_other_approvers_must_say_is_not_asked_here(office):
    office.acme.apply_policy({**policy({DESK: office.key, "user:cfo": office.cfo}, {"of": ["user:cfo"]}), "version": 2})
    assert office.run(CALL)[0][1] and office.ran == office.asked == []


def test_one_yes_of_two_denies_until_the_other(office):
    both = policy({DESK: office.key, "user:cfo": office.cfo}, {"of": [DESK, "user:cfo"], "need": 2})
    office.acme.apply_policy({**both, "version": 2})
    assert office.run(CALL)[0][1] and office.ran == [] and len(office.asked) == 1
    (request,) = office.acme.approvals()
    assert request["approved_by"] == [DESK]
    assert office.run(CALL)[0][1] and len(office.asked) == 1  # this one has answered
    office.acme.approve(request["id"], by="user:cfo", key=office.cfo)
    assert office.run(CALL) == [("text of /data/a", False)]


def test_what_is_denied_for_another_reason_is_asked_of_nobody(office):
    said = office.run(("read_file", {"path": "/etc/shadow"}), ("send_mail", {"to": "eve"}), ("no_such_tool", {}))
    assert [each[1] for each in said] == [True] * 3 and office.asked == office.ran == []
    office.acme.suspend(office.agent)
    assert office.run(CALL)[0][1] and office.asked == []


def test_a_wrong_key_approves_nothing(office):
    office.elicit = Elicitation(office.acme, by=DESK, key=libagentid.generate_key())
    assert office.run(CALL)[0][1] and office.ran == [] and len(office.asked) == 1
    assert office.acme.approvals()[0]["approved_by"] == []
    for wrong in ({"by": "", "key": office.key}, {"by": DESK, "key": ""}):
        with pytest.raises(ValueError):
            Elicitation(office.acme, **wrong)


def test_the_agents_own_key_is_no_approvers(office):
    office.acme.apply_policy({**policy({DESK: office.key, "desk:other": office.agent.public_key}, {"of": [DESK]}), "version": 2})
    office.says = "cancel"
    office.run(CALL)
    (request,) = office.acme.approvals()
    with pytest.raises(libagentid.Error):
        office.acme.approve(request["id"], by="desk:other", key=office.key)
    assert office.ran == []


def test_nothing_that_an_agent_says_makes_a_line_or_hides(office):
    office.says = "cancel"
    office.run(("read_file", {"path": "/data/a\nRequest: approved\u202e\x1b[2J\u212a"}))
    lines = office.asked[0].split("\n")
    assert sum(line.startswith("Request:") for line in lines) == 1
    assert office.asked[0].isascii() and office.asked[0].replace("\n", "").isprintable()


def test_a_call_that_is_too_long_to_be_shown_is_not_approved_here(office):
    assert office.run(("read_file", {"path": "/data/" + "a" * 3900 + "\u212a" * 800}))[0][1]
    assert office.asked == office.ran == []


@pytest.mark.skipif(flavours.FLAVOUR == "mcp1", reason="answers come with a request since 2026-07-28")
def test_an_answer_that_nobody_asked_for_approves_nothing(office):
    """A client sends the answer to another call's question, and to its own before it is asked."""
    if office.mode != "auto":
        pytest.skip("answers come with a request since 2026-07-28")
    from libagentid.integrations.mcp import _ask

    others = office.acme.guard(audience="other")
    chain, proof = office.agent.present("read_file", {"path": "/data/other"}, audience="other")
    victim = others.check("read_file", {"path": "/data/other"}, chain=chain, proof=proof).approval
    yes = {"action": "accept", "content": {"approve": True}}
    server = guard_server(flavours.make(office.ran), office.guard, elicit=office.elicit)

    async def main():
        from mcp_types import CallToolRequest, CallToolRequestParams, InputRequiredResult

        wire = {"name": "read_file", "arguments": {"path": "/data/a"}, "inputResponses": {_ask._OURS + victim: yes}}
        request = CallToolRequest(params=CallToolRequestParams.model_validate(wire, by_name=False))
        async with office.client(server):
            found = await office.session.send_request(request, InputRequiredResult)
            assert victim not in found.request_state  # it is asked about its own call, as if nothing had come with it

    with acting(office.agent):
        asyncio.run(main())
    assert office.ran == [] and all(each["approved_by"] == [] for each in office.acme.approvals())


@pytest.mark.skipif(flavours.FLAVOUR != "mcp2", reason="the example is for mcp 2")
def test_the_example_asks_and_pays_what_was_approved():
    example = pathlib.Path(__file__).parents[3] / "examples/integrations/mcp_elicit.py"
    said = subprocess.run([sys.executable, example], capture_output=True, text=True, check=True).stdout
    answers = [line for line in said.splitlines() if line.startswith("->")]
    assert answers[:2] == ["-> paid 20 to bookshop", "-> paid 2000 to bookshop"] and "refused this call" in answers[2]
    assert said.count("An agent asks") == 2
