"""Damage to what holds a chain together: keys, headers, signatures, order, bytes."""

# ruff: noqa: E501 (tables, as they read best)

from __future__ import annotations

import copy
import random
from collections.abc import Callable

import edits
from aat02.strictjson import Number
from model import Case, Object, Part, Ref, Tree


def any_part(rng: random.Random, case: Case) -> Part:
    return rng.choice([*case.parts, case.proof])


def another_signer(rng: random.Random, case: Case) -> None:
    """An attacker, the holder itself, or another of the chain."""
    part = any_part(rng, case)
    part.signer = rng.choice([999, part.holder, case.root_key, *(other.holder for other in case.parts)])


def another_holder(rng: random.Random, case: Case) -> None:
    """The key in cnf is another's; who signs stays."""
    place = rng.randrange(len(case.parts))
    part = case.parts[place]
    follower = case.parts[place + 1] if place + 1 < len(case.parts) else case.proof
    follower.signer = part.holder
    part.holder = rng.choice([999, case.root_key, case.parts[0].holder])


def cnf(rng: random.Random, case: Case) -> None:
    part = rng.choice(case.parts)
    jwk: Object = {"kty": "OKP", "crv": "Ed25519", "x": Ref("x")}
    changes: list[Object] = [
        {"d": Ref("key", 1)}, {"d": ""}, {"d": None}, {"kty": "EC"}, {"kty": "RSA"}, {"kty": "oct", "k": "AA"}, {"kty": "okp"}, {"crv": "X25519"},
        {"crv": "ed25519"}, {"crv": "P-256"}, {"x": ""}, {"x": None}, {"x": "AAAA"}, {"x": Number("1")}, {"kid": "1"}, {"use": "sig"}, {"alg": "Ed25519"},
        {"key_ops": ["verify"]}, {"x5c": []}, {"y": "AAAA"}, {"unknown": {}}, {"ext": True}, {"kty": None}, {"x": Ref("iss")},
        {"x": "_" * 43}, {"x": "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}, {"x": "A" * 43}, {"x": "7P_______________________________________38"},
    ]  # fmt: skip
    wholes: list[Tree] = [{"jwk": {**jwk, **rng.choice(changes)}}, {"jwk": {**jwk, **rng.choice(changes)}}, {"jwk": {**jwk, **rng.choice(changes)}},
              {"jwk": [jwk]}, {"jwk": {}}, {"jwk": None}, {"jwk": Ref("x")}, {}, {"jkt": Ref("iss")}, {"jwk": jwk, "kid": "x"}, {"JWK": jwk}, jwk,
              {"jwk": {"kty": "OKP", "crv": "Ed25519"}}, {"jwk": {"crv": "Ed25519", "x": Ref("x")}}, {"jwk": {"kty": "OKP", "x": Ref("x")}}]  # fmt: skip
    if isinstance(part.claims, dict):
        part.claims["cnf"] = rng.choice(wholes)


def header(rng: random.Random, case: Case) -> None:
    part = any_part(rng, case)
    typ = "aat-pop+jwt" if part is case.proof else "aat+jwt"
    other = "aat+jwt" if part is case.proof else "aat-pop+jwt"
    changes: list[Object] = [
        {"alg": "EdDSA"}, {"alg": "none"}, {"alg": "HS256"}, {"alg": "ES256"}, {"alg": "ed25519"}, {"alg": "Ed25519 "}, {"alg": None}, {"alg": ["Ed25519"]},
        {"alg": ""}, {"alg": Number("1")}, {"typ": other}, {"typ": "JWT"}, {"typ": typ.upper()}, {"typ": "application/" + typ}, {"typ": ""}, {"typ": None},
        {"typ": [typ]}, {"typ": typ + " "}, {"typ": typ + ";x=1"}, {"typ": "aat"},
        {"crit": ["exp"], "exp": Number("1")}, {"crit": ["b64"], "b64": True}, {"crit": ["b64"], "b64": False}, {"crit": []}, {"crit": None}, {"crit": "exp"},
        {"crit": ["alg"]}, {"crit": [Number("1")]}, {"crit": {}}, {"crit": ["absent"]},
        {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": Ref("key", 999)}}, {"jwk": "?"}, {"kid": "1"}, {"kid": Ref("iss")}, {"x5u": "https://a"}, {"x5c": ["AA"]},
        {"jku": "https://evil.example"}, {"cty": "JWT"}, {"zip": "DEF"}, {"enc": "A128GCM"}, {"unknown": [Number("1"), None]}, {"iat": Number("1")},
    ]  # fmt: skip
    part.header = {**part.header, **rng.choice(changes)}
    if rng.random() < 0.15:
        part.header.pop(rng.choice(["alg", "typ"]), None)  # it may have been damaged before


def reorder(rng: random.Random, case: Case) -> None:
    places = list(range(len(case.parts)))
    match rng.randrange(6):
        case 0:
            rng.shuffle(places)
        case 1:
            places.pop(rng.randrange(len(places)))
        case 2:
            places.insert(rng.randrange(len(places) + 1), rng.choice(places))
        case 3:
            places.reverse()
        case 4:
            places = places[1:]
        case _:
            places = places[:-1]
    case.order = places


def shorter(_: random.Random, case: Case) -> None:
    """A prefix of a chain is a chain: its holder may present it."""
    if len(case.parts) > 1:
        case.parts.pop()


def without_middle(rng: random.Random, case: Case) -> None:
    """One token taken out, the rest linked anew: the scopes of who are now neighbours narrow, what is counted may not."""
    if len(case.parts) > 2:
        case.parts.pop(rng.randrange(1, len(case.parts) - 1))


def splice(rng: random.Random, case: Case) -> None:
    """In a token's place another one of the same holder, which its child does not refer to."""
    part = rng.choice(case.parts)
    if isinstance(part.claims, dict):
        other = copy.deepcopy(part.claims)
        change: Object = rng.choice([{"jti": "other"}, {"aud": case.audience}, {"x": None}, {}])
        part.instead = {**other, **change}


def links(rng: random.Random, case: Case) -> None:
    part = any_part(rng, case)
    wrong: list[Tree] = [
        Ref("digest", rng.randrange(6)),
        Ref("iss"),
        "",
        Ref("x"),
        "A" * 43,
        "a" * 64,
        None,
        Ref("parent"),
        Ref("thumbprint", 999),
    ]
    if isinstance(part.claims, dict):
        part.claims[rng.choice(["aat_hash", "aat_id", "aat_tool"] if part is case.proof else ["par_hash", "iss", "jti"])] = (
            rng.choice(wrong)
        )


def same_jti(rng: random.Random, case: Case) -> None:
    a, b = rng.choice(case.parts), rng.choice(case.parts)
    if a is not b and isinstance(a.claims, dict) and isinstance(b.claims, dict):
        b.claims["jti"] = a.claims.get("jti")


def anchors(rng: random.Random, case: Case) -> None:
    issuer, key = rng.choice(case.anchors or [("https://auth.example.com", case.root_key)])
    case.anchors = rng.choice(
        [
            [],
            [(issuer, 999)],
            [("https://else.example", key)],
            [("https://else.example", key), (issuer, 999)],
            [("https://else.example", key), *case.anchors],
            [*case.anchors, ("https://else.example", key)],
            [*case.anchors, *case.anchors],
            [(issuer.upper(), key)],
        ]
    )


def root_issuer(rng: random.Random, case: Case) -> None:
    """Anchor and root agree on something that may not be a URI."""
    texts = ["no uri", "auth.example.com", "", "x:", "https://", "1a:b", "https://a b", "urn:\u00e9", "a:%", "a:%zz", "a:%41", ":a", "mailto:a@b", "a:b#c#d", "a:b#c",
             "https://[::1]/", "x:<y>", "x:\n", "\u00e9:a", "x+y-z.1:a", "/a:b", "x:|"]  # fmt: skip
    issuer = rng.choice(texts)
    case.anchors = [(issuer, case.root_key)]
    if isinstance(case.parts[0].claims, dict):
        case.parts[0].claims["iss"] = issuer


def twice(rng: random.Random, case: Case) -> None:
    """A name twice in one object, at some depth, as bytes or as an escape."""
    part = any_part(rng, case)
    texts = [
        '"x":1,"x":1',
        '"x":{"a":1,"\\u0061":1}',
        '"":1,"":2',
        '"x":[{"a":1},{"a":1,"a":1}]',
        '"iat":0',
        '"jti":"z"',
        '"\\u006ati":"z"',
    ]
    part.edits.append(edits.Edit(rng.choice(["member", "member", "nested member"]), rng.choice(texts), rng.randrange(2)))


def low(rng: random.Random, case: Case) -> None:
    """Below the level of JSON."""
    part = any_part(rng, case)
    what = rng.choice(edits.NAMES)
    texts = ['"x":1e', '"x":01', '"x":.5', '"x":1.', '"x":+1', '"x":NaN', '"x":Infinity', '"x":-', '"x":0x1', '"x":1 2', '"x":"\\ud800"', '"x":"\\udc00\\ud800"',
             '"x":"\\x"', '"x":"\t"', '"x":tru', '"x":\'a\'', '"x":[1,]', '"x":{,}', '"x"', "", '"\\ud83d\\ude00":1', '"x":"\\/\\u0061"', '"x":1e5', '"x":-0.0E+1',
             '"jti":"z"', '"x":1,"x":1', '"x":{"a":1,"\\u0061":1}', '"exp":99999999999', '"iat":0', '"hta":{}', '"aud":"z"', '"\\u006ati":"z"', '"x":"\u00e9","x":1',
             '"x":{"\u00e9":1,"e\u0301":1}', '"\u212a":1,"K":1', '"x":"\x7f"', '"x":[[[[[[[[1]]]]]]]]', "/**/", '"x":1//', '"x":"\\u00"', '"x":"\\uD83D"', '"":1', '"":1,"":2',
             '"authorization_details":[]', '"x":[{"a":1},{"a":1}]', '"x":' + "1" * 400, '"x":1e99999']  # fmt: skip
    if what.startswith("header m"):
        texts += ['"alg":"Ed25519"', '"typ":"JWT"', '"alg":"none"', '"b64":false', '"crit":["x"]', '"kid":1', '"x":1,"x":1']
    more = rng.choice([" ", "\n", "\0", "{}", "x", ",", "//", "\u00a0", "\ufeff"])
    part.edits.append(
        edits.Edit(
            what, more if what == "more" else rng.choice(texts), rng.randrange(2) if "member" in what else rng.randrange(512)
        )
    )


Damage = Callable[[random.Random, Case], None]
KINDS: list[Damage] = [
    another_signer,
    another_holder,
    cnf,
    cnf,
    links,
    reorder,
    reorder,
    shorter,
    without_middle,
    splice,
    same_jti,
]
HEADERS: list[Damage] = [header]
TRUST: list[Damage] = [anchors, root_issuer]
BYTES: list[Damage] = [low, low, twice]
