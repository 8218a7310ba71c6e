#!/usr/bin/env python3
"""Random chains. Case N of seed S is always the same: `generate.py S N` prints it.

A case is valid by construction, or a valid one that was damaged (damage.py), or two random scopes of few values
in a chain of two, where the table of section 4.5 decides.
"""

from __future__ import annotations

import copy
import random
import sys

import beside
import scopes
import values
from aat02.constraints import satisfies
from aat02.jcs import NoCanonicalForm
from aat02.strictjson import JSON, Number
from model import Case, Object, Part, Ref, Tree, branch, number, tree, write
from scopes import Plain

AUDIENCES = ["https://tools.example.com", "https://tools.example.com/", "tools", "urn:x:\u00e9", "https://other.example.com"]
ISSUERS = [
    "https://auth.example.com",
    "https://auth.example.com/",
    "https://auth.example.org",
    "urn:example:root",
    "https://AUTH.example.com",
]
TOOLS = [
    "read_file",
    "https://tools.example.com/fs/read",
    "https://tools.example.com/fs/Read",
    "write",
    "\u00e9crire",
    "e\u0301crire",
    "K",
    "\u212a",
    "a b",
]
Map = dict[str, Plain]


def case(seed: str, index: int) -> Case:
    import damage  # it builds on this module

    rng = random.Random(f"{seed}/{index}")
    roll = rng.random()
    if roll < 0.12:
        return valid(rng)
    if roll < 0.45:
        return algebra(rng)
    return damage.damaged(rng, valid(rng))


def valid(rng: random.Random) -> Case:
    tool = rng.choice(TOOLS)
    args: dict[str, JSON] = {name: values.value(rng) for name in rng.sample(values.NAMES, rng.choice([0, 1, 1, 2, 3]))}
    maps: dict[str, tuple[dict[str, JSON], Map]] = {}
    for name in sorted({tool, *rng.sample(TOOLS, rng.choice([0, 1, 2]))}):
        witness = args if name == tool else {key: values.value(rng) for key in rng.sample(values.NAMES, rng.choice([0, 1, 2]))}
        maps[name] = (witness, root_map(rng, witness))
    length = rng.choice([1, 1, 2, 2, 2, 3, 3, 4, 5, 6])
    made = skeleton(rng, length, tool, branch(dict(args)))
    for place, part in enumerate(made.parts):
        if place:
            kept = {name for name in maps if name == tool or rng.random() < 0.7}
            maps = {name: (maps[name][0], narrowed_map(rng, *maps[name])) for name in sorted(kept)}
        add_entry(rng, part, {name: rules for name, (_, rules) in maps.items()})
    made.valid = True
    return made


def algebra(rng: random.Random) -> Case:
    """Two maps over few names and values: whether the second is below the first is for the verifiers to say."""
    made = skeleton(rng, 2, "t", {})
    above: Map = {}
    below: Map = {}
    for name in rng.sample(["a", "b", "c"], rng.choice([1, 1, 1, 2, 3])):
        above[name] = scopes.arbitrary(rng) if rng.random() < 0.7 else scopes.fitting(rng, values.value(rng))
        below[name] = beside.derived(rng, above[name])
        optional = rng.random() < 0.3
        for rules in (above, below):
            # What is asked is mostly the table, sometimes the keys and what may be absent.
            if optional != (rng.random() < 0.05):
                rules[name] |= {"optional": True}
            if rng.random() < 0.05:
                del rules[name]
    star = rng.random() < 0.2
    for rules in (above, below):
        if star != (rng.random() < 0.05):
            rules["*"] = scopes.constraint("wildcard")
    for part, rules in zip(made.parts, (above, below), strict=True):
        add_entry(rng, part, {"t": rules})
    for name, rule in below.items():
        if rng.random() < 0.9:
            tried = [*scopes.mentioned(rule), *(rng.choice(scopes.SMALL) for _ in range(8))]
            rng.shuffle(tried)
            tried = tried[: rng.choice([1, len(tried)])]
            made.args[name] = tree(next((value for value in tried if permits(rule, value)), tried[0]))
    made.name = "algebra"
    return made


def permits(rule: Plain, value: JSON) -> bool:
    """Whether the constraint is known to permit the value: numbers that no double holds are permitted by none."""
    try:
        return satisfies(rule, value)
    except NoCanonicalForm:
        return False


def root_map(rng: random.Random, args: dict[str, JSON]) -> Map:
    roll = rng.random()
    if roll < 0.12:
        return {}
    rules: Map = {}
    for name, value in args.items():
        if roll < 0.4 and rng.random() < 0.5:
            continue
        rules[name] = scopes.fitting(rng, value)
        if rng.random() < 0.3:
            rules[name]["optional"] = rng.random() < 0.8
    for name in rng.sample(values.NAMES, rng.choice([0, 1, 2])):
        if name not in args:
            rules[name] = {**scopes.fitting(rng, values.value(rng)), "optional": True}
    if roll < 0.4 or not rules:
        rules["*"] = scopes.constraint("wildcard")
    return rules


def narrowed_map(rng: random.Random, args: dict[str, JSON], parent: Map) -> Map:
    """By the rules of section 4.5; the arguments that were permitted still are."""
    star = "*" in parent or not parent
    child: Map = {}
    keep_star = star and rng.random() < 0.6
    for name, rule in parent.items():
        if name == "*":
            continue
        may_omit = rule.get("optional") is True and not keep_star and name not in args
        if may_omit and rng.random() < 0.5:
            continue
        bare = {member: value for member, value in rule.items() if member != "optional"}
        child[name] = scopes.narrowed(rng, bare, args.get(name)) if rng.random() < 0.7 else bare
        if rule.get("optional") is True and (name not in args or rng.random() < 0.6):
            child[name]["optional"] = True
    for name, value in args.items():
        if name not in parent and (not keep_star or rng.random() < 0.4):
            child[name] = scopes.fitting(rng, value)
            if rng.random() < 0.3:
                child[name]["optional"] = True
    if keep_star:
        return {} if not child and rng.random() < 0.5 else {**child, "*": scopes.constraint("wildcard")}
    if not child:
        # An empty map would be "*" again.
        child["never"] = {**scopes.constraint("wildcard"), "optional": True}
        return child if star else dict(parent)
    return child


def skeleton(rng: random.Random, length: int, tool: str, args: dict[str, Tree]) -> Case:
    now = rng.choice([1704067500, 1704067500, rng.randint(1_000_000_000, 4_000_000_000)])
    audience = rng.choice(AUDIENCES)
    anchors = [(rng.choice(ISSUERS), 100 + rng.randrange(3)) for _ in range(rng.choice([1, 1, 2, 3]))]
    issuer, root_key = rng.choice(anchors)
    top = rng.randint(length - 1, 8)
    iat, exp = now - rng.randint(0, 10_000), now + rng.randint(1, 1_000_000)
    parts: list[Part] = []
    for place in range(length):
        parts.append(token(rng, place, length, iat, exp, top, audience))
        iat, exp, top = (
            rng.randint(iat, now + 30),
            rng.randint(now + 31, max(exp, now + 31)) if exp > now + 31 else exp,
            rng.randint(length - 1, top),
        )
        iat = min(iat, exp - 1)
    assert isinstance(parts[0].claims, dict)
    parts[0].claims["iss"] = issuer
    policy: Object = {}
    proof: Object = {"jti": f"p-{rng.randrange(10**9)}", "iat": number(now + rng.randint(-30, 30)), "aat_id": Ref("jti"),
                     "aat_hash": Ref("digest", -1), "aat_tool": Ref("tool"), "hta": Ref("args")}  # fmt: skip
    if rng.random() < 0.3:
        policy["nonce"] = rng.choice(["n", "\u00e9", "e1c8a7f4"])
        proof["nonce"] = policy["nonce"]
    if rng.random() < 0.6:
        proof["aat_aud"] = audience
        policy |= {"require_pop_aud": True} if rng.random() < 0.5 else {}
    if any(isinstance(part.claims, dict) and "aud" in part.claims for part in parts) and rng.random() < 0.5:
        policy["require_chain_aud"] = True
    header: Object = {"alg": "Ed25519", "typ": "aat-pop+jwt"}
    return Case("valid", parts, Part(header, proof, loose=loose(rng)), anchors, root_key, tool, args, now, audience, policy)


def loose(rng: random.Random) -> int:
    return rng.randrange(1, 1 << 30) if rng.random() < 0.1 else 0


def token(rng: random.Random, place: int, length: int, iat: int, exp: int, top: int, audience: str) -> Part:
    jti = rng.choice(["019471f8-0000-7000-8000-{:012x}", "t-{}", "\u00e9-{}"]).format(rng.randrange(10**9))
    jwk: Object = {"kty": "OKP", "crv": "Ed25519", "x": Ref("x")}
    claims: Object = {"jti": jti, "iss": Ref("iss"), "iat": number(iat), "exp": number(exp), "cnf": {"jwk": jwk},
                      "del_depth": Ref("depth"), "del_max_depth": number(top)}  # fmt: skip
    if place:
        claims["par_hash"] = Ref("parent")
    if rng.random() < 0.2:
        others: list[Tree] = [rng.choice(AUDIENCES) for _ in range(rng.randint(0, 2))]
        claims["aud"] = rng.choice([audience, [*others, audience], [audience, *others]])
    holder = rng.randrange(10) if rng.random() < 0.1 else 10 * place + rng.randrange(10)
    return Part({"alg": "Ed25519", "typ": "aat+jwt"}, claims, holder, loose=loose(rng))


def add_entry(rng: random.Random, part: Part, tools: dict[str, Map]) -> None:
    assert isinstance(part.claims, dict)
    # Each token has constraints of its own, so that changing one changes one.
    details: list[Tree] = [{"type": "attenuating_agent_token", "tools": tree(copy.deepcopy(tools))}]
    if rng.random() < 0.1:
        details.insert(rng.randrange(2), {"type": rng.choice(["other", "Attenuating_agent_token"]), "tools": Number("1")})
    part.claims["authorization_details"] = details


def line(question: dict[str, JSON], name: str) -> str:
    """The question of the protocol, on one line."""
    return write({"type": "evaluate", "vector_id": name, "profile": "Core", "requirements": [], "input": question})


if __name__ == "__main__":
    import show

    print(show.case(case(sys.argv[1], int(sys.argv[2]))))
