"""A life of agents on an installed wheel: a chain, calls, denials, an end, the audit log; then what was loaded for it."""

import asyncio
import pathlib
import platform
import tempfile

import libagentid
from libagentid import aio

INSIDE, OUTSIDE = {"path": "/data/q3/a.csv"}, {"path": "/data/q4/a.csv"}


def denied(reason: str, agent: libagentid.Agent, arguments: dict[str, str]) -> None:
    try:
        agent.authorize("read_file", arguments)
    except libagentid.Denied as error:
        assert error.reason == reason, error.reason
    else:
        raise AssertionError(f"it was permitted: {arguments}")


def live(directory: pathlib.Path) -> None:
    libagentid.selftest()
    with libagentid.Authority.open(directory, trust_domain="acme.example") as acme:
        acme.put_profile("researcher", owner="team:research@acme.example", ceiling="read_file(path under '/data')")
        alice, scope = "user:alice@acme.example", "read_file(path under '/data')"
        with acme.agent("researcher", principal=alice, task="Q3 review", scope=scope) as agent:
            assert libagentid.current_agent() is agent
            with agent.spawn("reader", "read_file(path under '/data/q3')") as reader:
                decision = reader.authorize("read_file", INSIDE)
                denied("argument_constraint_violated", reader, OUTSIDE)
                with acme.guard(audience="files") as guard:
                    proof = reader.prove("read_file", INSIDE, audience="files")
                    assert guard.authorize("read_file", INSIDE, chain=reader.chain, proof=proof)
                    assert guard.check("read_file", INSIDE, chain=reader.chain, proof=proof).reason == "replayed"
            tombstone = agent.end("done")
        assert acme.verify_gone(libagentid.verify_tombstone("acme.example", acme.bundle(), tombstone)["sub"])["gone"]
        acme.integrate()
        with libagentid.Audit.open(directory) as audit:
            assert audit.verify()["sound"] and audit.find(decision.id or "")["entry"]["tool"] == "read_file"


async def live_again(directory: pathlib.Path) -> None:
    async with aio.Authority.open(directory, must_exist=True) as acme:
        alice, scope = "user:alice@acme.example", "read_file(path under '/data/q3')"
        async with acme.agent("researcher", principal=alice, task="Q3 again", scope=scope) as agent:
            assert aio.current_agent().id == agent.id
            denied("argument_constraint_violated", agent.sync, OUTSIDE)
        assert {each["state"] for each in await acme.agents()} == {"deprovisioned"}


def loaded() -> set[pathlib.Path]:
    """The libraries in this process."""
    lines = pathlib.Path("/proc/self/maps").read_text().splitlines()
    return {pathlib.Path(line.split(maxsplit=5)[5]) for line in lines if ".so" in line}


with tempfile.TemporaryDirectory() as directory:
    live(pathlib.Path(directory) / "acme")
    asyncio.run(live_again(pathlib.Path(directory) / "acme"))
package = pathlib.Path(libagentid.__file__).parents[1]
ours = {path for path in loaded() if path.name.startswith(("libagentid", "libsodium", "libsqlite", "libpq", "libswift"))}
assert any(path.name.startswith("libagentid") for path in ours)
assert not [path for path in ours if package not in path.parents or path.name.startswith("libswift")], ours
print(f"  Python {platform.python_version()}: agentid {libagentid.__version__}, {', '.join(sorted(path.name for path in ours))}")
