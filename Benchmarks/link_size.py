#!/usr/bin/env python3
"""Prints how long a chain is, and what each claim of a link takes: eight tools with three arguments each, five links.

    python3 Benchmarks/link_size.py     # with AGENTID_LIBRARY and PYTHONPATH as the other benchmarks have them
"""

import base64
import collections
import json

import libagentid

TOOLS, ARGUMENTS, LINKS = 8, "path under '/data/q3', mode == 'read', query: *", 5
MEANING = {
    "authorization_details": "the scope",
    "urn:agentid:1": "agent; in the root owner, profile, principal and task as well",
    "iss": "the key that signed",
    "cnf": "the holder's key",
    "par_hash": "the parent's hash",
    "jti": "the grant's ID",
}


def part(text: str) -> dict[str, object]:
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def chain() -> list[str]:
    scope = "; ".join(f"tool_number_{number}({ARGUMENTS})" for number in range(TOOLS))
    with libagentid.Authority.open(None, trust_domain="acme.example") as acme:
        acme.put_profile("reader", owner="team:research@acme.example", ceiling=scope)
        agent = acme.agent("reader", principal="user:alice@acme.example", task="T-1", scope=scope)
        for _ in range(LINKS - 1):
            agent = agent.spawn("reader", scope=scope)
        return agent.chain.replace("~", ",").split(",")


def main() -> None:
    links = chain()
    sizes = [len(link) for link in links]
    print(f"a chain of {len(links)} links, {TOOLS} tools with 3 arguments: {sum(sizes)} bytes; links {', '.join(map(str, sizes))}")
    print(f"its reference: {len('sha-256=') + 43} bytes")
    header, payload, signature = links[-1].split(".")
    claims = part(payload)
    taken = collections.Counter({name: len(json.dumps({name: value}, separators=(",", ":"))) - 1 for name, value in claims.items()})
    print(f"of the last link, {len(links[-1])} bytes: header {len(header)}, signature {len(signature)}, claims {len(payload)}:")
    for name, size in taken.most_common():
        print(f"  {size * 4 / 3:6.0f}  {name:24}{MEANING.get(name, '')}".rstrip())


main()
