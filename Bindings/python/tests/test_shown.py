"""What objects show of themselves in a traceback, a log or a debugger: what they are, and nothing that opens a door."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
from pathlib import Path

import libagentid
from libagentid import aio
from life import CALL, Store, open_authority, start


def test_what_is_shown_has_no_secret_and_raises_nothing(tmp_path: Path) -> None:
    with open_authority(tmp_path / "acme", passphrase="correct horse") as acme:
        acme.add_provider("store", Store())
        agent, guard = start(acme), acme.guard(audience="files")
        identity, chain, key = agent.id, agent.chain, json.loads(agent.export_key())["d"]
        proof, decision, admission = agent.prove(*CALL, audience="files"), agent.authorize(*CALL), guard.admit(chain)
        denied = guard.check("other", {}, chain=chain, proof="not a proof")
        acme.integrate()
        log, lease = libagentid.Audit.open(tmp_path / "acme"), acme.acquire(decision, "store", "row", 60)
        things: list[object] = [acme, agent, guard, admission, decision, denied, log, lease, acme.agents(), guard.statistics()]
        things += [aio.Authority(acme), aio.Agent(agent), aio.Guard(guard), aio.Audit(log), aio.Lease(lease)]
        shown = [repr(thing) for thing in things]
        for text in shown:
            assert not [secret for secret in (key, chain, proof, "the secret", "correct horse") if secret in text]
        assert shown[1] == f"<Agent {identity}>" and identity in repr(aio.Agent(agent))
        assert re.fullmatch(r"<Guard at 0x[0-9a-f]+>", shown[2]) and shown[11] == f"<aio <Agent {identity}>>"
        if (pid := os.fork()) == 0:
            os._exit(0 if repr(agent) == f"<Agent {identity}>" and repr(guard).startswith("<Guard") else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        lease.release()
        for thing in (agent, guard, admission, log):
            thing.close()
        assert repr(agent) == f"<Agent {identity}>" and repr(guard).startswith("<closed Guard")
        assert repr(aio.Guard(guard)).startswith("<") and repr(admission).startswith("<closed Admission")


def test_what_is_half_made_can_be_shown() -> None:
    for kind in (libagentid.Agent, libagentid.Guard, libagentid.Authority, libagentid.Audit, libagentid.Scope):
        assert kind.__name__ in repr(kind.__new__(kind))

    async def main() -> str:
        async with aio.Authority.open(trust_domain="acme.example") as acme:
            return repr(acme)

    assert asyncio.run(main()).startswith("<aio <Authority at 0x")


def test_a_number_is_shown_as_it_was_sent() -> None:
    for number in ("1e400", "-1e400", "1e-400", "9007199254740993"):
        parts = (b'{"alg":"Ed25519","typ":"aat+jwt"}', b'{"x":[%s]}' % number.encode(), bytes(64))
        token = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
        shown = libagentid._calling.take(libagentid._abi.lib.agentid_chain_decode, token.encode(), len(token))
        assert f'"x":[{number}]' in shown, number
