"""What an operator changes is in force for the next call of a channel that has been open all the time, of each kind."""

import contextlib
import json
import os
import shutil
import time

import grpc
import pytest
from libagentid.grpc import AgentInterceptor
from test_grpc import STREAMS, TOOLS, made  # noqa: F401
from test_grpc_calls import SCOPE, serve  # noqa: F401

FORBIDS = {"version": 1, "rules": [{"id": "no", "match": "read_file; tail; store; echo", "then": "deny"}]}


@pytest.fixture
def world(own_world):
    return own_world(SCOPE)


WAY = pytest.mark.parametrize("kind", ["sync", "aio"])


@contextlib.contextmanager
def opened(made, world, address):  # noqa: F811
    """Calls each method on one channel: the code and the reason of what is refused, OK for the rest."""
    pb, stubs = made
    with grpc.insecure_channel(address) as bare:
        interceptor = AgentInterceptor(TOOLS, world[1], audience="files", streams=STREAMS)
        files = stubs.FilesStub(grpc.intercept_channel(bare, interceptor))

        def said(method):
            wanted = iter([pb.Text(text="a")]) if method in ("Store", "Echo") else pb.Wanted(path="/a")
            try:
                answer = getattr(files, method)(wanted)
                list(answer) if hasattr(answer, "__iter__") else None
            except grpc.RpcError as error:
                return error.code().name, refused_reason(error)
            return "OK"

        def all_say():
            return {said(method) for method in ("Read", "Tail", "Store", "Echo")}

        yield all_say


def refused_reason(error):
    said = dict(error.trailing_metadata()).get("agent-refusal")
    return json.loads(said)["reason"] if said else None


CHANGES = {
    "a policy": (lambda acme, agent: acme.apply_policy(FORBIDS), ("PERMISSION_DENIED", "policy_denied")),
    "a suspension": (lambda acme, agent: acme.suspend(agent.id), ("PERMISSION_DENIED", "suspended")),
    "a revocation": (lambda acme, agent: acme.revoke(agent=agent), ("PERMISSION_DENIED", "authority_revoked")),
    "a principal that has left": (
        lambda acme, agent: acme.revoke(principal="user:alice@acme.example"),
        ("PERMISSION_DENIED", "authority_revoked"),
    ),
    "a narrower profile": (lambda acme, agent: acme.put_profile("web", owner="team:web@acme.example", ceiling="other()"), "OK"),
    "a new key": (lambda acme, agent: (acme.publish_key(), acme.activate_key()), "OK"),
}


@WAY
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_in_force_for_the_next_call_of_an_open_channel(made, world, serve, kind, change):  # noqa: F811
    found = []

    def then(address):
        with opened(made, world, address) as all_say:
            found.append(all_say())
            CHANGES[change][0](world[0], world[1])
            time.sleep(0.1)
            found.append(all_say())

    serve(kind, lambda context: None, then)
    assert found == [{"OK"}, {CHANGES[change][1]}]


def moved(directory):
    os.rename(directory, f"{directory}-away")


def replaced(directory):
    os.rename(directory, f"{directory}-away")
    shutil.copytree(f"{directory}-away", directory)


@WAY
@pytest.mark.parametrize("lose", [moved, replaced])
def test_a_directory_that_is_lost_under_a_server_permits_nothing(made, world, serve, kind, lose):  # noqa: F811
    found = []

    def then(address):
        with opened(made, world, address) as all_say:
            found.append(all_say())
            lose(world[2])
            time.sleep(0.1)
            found.append(all_say())
            shutil.rmtree(world[2], ignore_errors=True)
            os.rename(f"{world[2]}-away", world[2])
            time.sleep(0.1)
            found.append(all_say())

    serve(kind, lambda context: None, then)
    assert found == [{"OK"}, {("UNAVAILABLE", "directory_replaced")}, {"OK"}]
