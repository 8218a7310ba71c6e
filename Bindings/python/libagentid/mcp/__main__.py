"""agentidctl mcp guard --authority DIR --audience NAME [--pins FILE] [WHOSE CALLS THEY ARE] -- COMMAND ...
agentidctl mcp certify --pins FILE -- COMMAND ...

`guard` runs an MCP server over stdio with a guard before it: in the configuration of a client it stands where the server's
command stood. Whose calls they are: those of an agent that the client proves itself; or of the agent in the directory --agent, by
itself $AGENTID_AGENT; or of one that is started for this session, and ended with it: --profile, --principal, --task and --scope.

`certify` shows what the server's tools say of themselves, as far as that is new, and writes it down. With --pins a tool whose
definition differs is neither shown nor called.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from .._agent import Agent
from .._authority import Authority
from .._errors import Error
from .._guard import Guard
from ._messages import TOOL, exact
from ._pins import digest, listed, read_pins, write_pins
from ._proxy import Proxy
from ._stdio import run

_STARTS = ("profile", "principal", "task", "scope")


def _parser() -> argparse.ArgumentParser:
    how = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="agentidctl mcp", description=__doc__, formatter_class=how, allow_abbrev=False)
    parser.add_argument("verb", choices=["guard", "certify"])
    parser.add_argument("--authority", help="the directory the authority is kept in; by itself $AGENTID_AUTHORITY")
    parser.add_argument("--audience", help="the guard's own name, which proofs must carry")
    parser.add_argument("--pins", help="the file of the certified tools")
    parser.add_argument("--agent", help="the directory of the agent whose calls they are")
    parser.add_argument("--profile", help="start an agent of this profile for the session")
    parser.add_argument("--principal", help="on whose behalf, a URI, e.g. user:alice@acme.example")
    parser.add_argument("--task", help="which task, in a few words")
    parser.add_argument("--scope", help="what the task needs")
    parser.add_argument("--passphrase-file", help="a file with the passphrase of the authority's keys")
    return parser


def main(arguments: Sequence[str]) -> int:
    """The command line; its exit status."""
    own, command = list(arguments), list[str]()
    if "--" in own:
        own, command = own[: own.index("--")], own[own.index("--") + 1 :]
    parser = _parser()
    given = parser.parse_args(own)
    if not command:
        parser.error("the server's command is missing, after --")
    try:
        if given.verb == "certify":
            if not given.pins or any(value for name, value in vars(given).items() if name not in ("verb", "pins")):
                parser.error("certify takes --pins FILE, and no other option")
            return _certify(given.pins, command)
        given.authority = given.authority or os.environ.get("AGENTID_AUTHORITY")
        if not given.authority or not given.audience:
            parser.error("guard needs --audience and --authority, by itself $AGENTID_AUTHORITY")
        starts = {name: getattr(given, name) for name in _STARTS if getattr(given, name)}
        if starts and (given.agent or len(starts) < len(_STARTS)):
            parser.error("--profile, --principal, --task and --scope go together, and not with --agent")
        if given.passphrase_file and not starts:
            parser.error("--passphrase-file opens the authority for --profile: a guard alone needs no keys")
        return _guard(given, starts, command)
    except FileNotFoundError as error:
        remedies = {given.pins: ": `agentidctl mcp certify` writes it", command[0]: ": there is no such command"}
        remedy = remedies.get(error.filename, "")
        if str(error.filename).endswith(("/key.jwk", "/chain")):
            remedy = ": name the directory that `agentidctl agent --out` made"
        print(f"agentidctl: {error.filename}: {error.strerror}{remedy}", file=sys.stderr)
        return 1
    except (Error, OSError, ValueError) as error:
        print(f"agentidctl: {str(error) or type(error).__name__}", file=sys.stderr)
        return 1


def _certify(path: str, command: Sequence[str]) -> int:
    tools = asyncio.run(listed(command))
    for tool in tools:
        exact(tool, TOOL)  # else a client might show what nobody saw here
    found = {tool["name"]: digest(tool) for tool in tools}
    if len(found) != len(tools):
        raise ValueError("two of the server's tools have the same name")
    before = read_pins(path) if os.path.exists(path) else {}
    for tool in tools:
        name = tool["name"]
        if before.get(name) != found[name]:
            print(f"{'changed' if name in before else 'new'}: {name!r}: {tool.get('description')!r}", file=sys.stderr)
            rest = {member: value for member, value in tool.items() if member not in ("name", "description", "_meta")}
            print(f"  {json.dumps(rest)}", file=sys.stderr)  # a schema's words are shown to the model as well
    for name in sorted(before.keys() - found):
        print(f"gone: {name!r}", file=sys.stderr)
    write_pins(path, found)
    print(f"{path}: {len(found)} tools", file=sys.stderr)
    return 0


def _guard(given: argparse.Namespace, starts: dict[str, str], command: Sequence[str]) -> int:
    pins = read_pins(given.pins) if given.pins else None
    held = given.agent or (None if starts else os.environ.get("AGENTID_AGENT"))
    with ExitStack() as stack:
        agent = None
        if starts:
            secret = Path(given.passphrase_file).read_text().rstrip("\n") if given.passphrase_file else None
            acme = stack.enter_context(Authority.open(given.authority, passphrase=secret, must_exist=True))
            agent = stack.enter_context(acme.agent(given.profile, principal=given.principal, task=given.task, scope=given.scope))
        elif held:
            agent = stack.enter_context(_opened(Path(held)))
        guard = stack.enter_context(Guard.open_directory(given.authority, audience=given.audience))
        return asyncio.run(run(Proxy(guard, pins, agent), command))


def _opened(directory: Path) -> Agent:
    """The agent of a directory that `agentidctl agent` made."""
    key = directory / "key.jwk"
    if key.stat().st_mode & 0o077:
        raise ValueError(f"{key} can be read by others: chmod 600 {key}, and rotate the key if they did")
    credential = directory / "credential"
    texts = [path.read_text().strip() for path in (key, directory / "chain")]
    return Agent.open(texts[0], texts[1], credential.read_text().strip() if credential.exists() else None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
