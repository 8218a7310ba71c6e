"""A case as people think of it: tokens whose links are made when it is rendered, so that one thing can be changed at a time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cache
from typing import TypeAlias, cast

import edits
from aat02 import jcs
from aat02.jws import THUMBPRINT, encode, hashed
from aat02.strictjson import JSON, Number
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


@dataclass(frozen=True)
class Ref:
    """Something that follows from other parts of the case: see `Rendering.resolve`."""

    what: str
    index: int = 0


Tree: TypeAlias = "bool | str | Number | Ref | list[Tree] | dict[str, Tree] | None"
Object: TypeAlias = "dict[str, Tree]"


def tree(value: object) -> Tree:
    """A value of JSON is a tree, though its arrays may hold less than a tree's may."""
    return cast("Tree", value)


def json(value: Tree) -> JSON:
    """The other way, where there is no reference within."""
    return cast("JSON", value)


def branch(value: object) -> Object:
    return cast("Object", value)


@dataclass
class Part:
    """A token or the proof. `signer` None is the right key; `instead` is presented in place of what its child refers to."""

    header: Object
    claims: Tree
    holder: int = 0
    signer: int | None = None
    loose: int = 0
    edits: list[edits.Edit] = field(default_factory=list[edits.Edit])
    instead: Tree = None


@dataclass
class Case:
    name: str
    parts: list[Part]
    proof: Part
    anchors: list[tuple[str, int]]
    root_key: int
    tool: str
    args: Object
    now: int
    audience: str
    policy: Object
    order: list[int] | None = None
    valid: bool = False


@cache
def private(key: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"key %d" % key).digest())


@cache
def public(key: int) -> str:
    return encode(private(key).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


@cache
def thumbprint(key: int) -> str:
    return hashed(f'{{"crv":"Ed25519","kty":"OKP","x":"{public(key)}"}}')


def number(value: int) -> Number:
    return Number(str(value))


def write(value: JSON, loose: int = 0) -> str:
    """Numbers as written; members in the order of RFC 8785, or, where loose, shuffled and with space and escapes."""
    turn = loose

    def gap() -> str:
        nonlocal turn
        if not loose:
            return ""
        turn = turn * 1103515245 + 12345 & 0x7FFFFFFF
        return ("", "", " ", "\n", "\t ")[(turn >> 16) % 5]

    def string(text: str) -> str:
        if loose and len(text) % 3 == 1:
            return '"' + "".join(escape(c) for c in text) + '"'
        return jcs.string(text)

    def any_value(value: JSON) -> str:
        match value:
            case Number():
                return value.text
            case str():
                return string(value)
            case list():
                return "[" + ",".join(gap() + any_value(v) + gap() for v in value) + "]"
            case dict():
                names = sorted(value, key=lambda name: name.encode("utf-16-be"), reverse=loose % 2 == 1)
                return "{" + ",".join(f"{gap()}{string(n)}{gap()}:{gap()}{any_value(value[n])}{gap()}" for n in names) + "}"
            case _:
                return jcs.canonical(value).decode()

    return gap() + any_value(value) + gap()


def escape(c: str) -> str:
    units = c.encode("utf-16-be")
    return "".join(f"\\u{units[i]:02X}{units[i + 1]:02x}" for i in range(0, len(units), 2))


class Rendering:
    """The signed question of a case, for the protocol of `conform`."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.digests: list[str] = []
        self.jtis: list[str] = []
        tokens = [self.token(place, part) for place, part in enumerate(case.parts)]
        proof = self.part(len(case.parts), case.proof, case.proof.claims)[0]
        order = range(len(tokens)) if case.order is None else [i % len(tokens) for i in case.order if tokens]
        self.question: dict[str, JSON] = {
            "tokens": [tokens[i] for i in order],
            "pop": proof,
            "trust_anchors": [
                {"iss": iss, "jwk": {"kty": "OKP", "crv": "Ed25519", "x": public(key)}} for iss, key in case.anchors
            ],
            "tool": case.tool,
            "args": self.resolve(0, case.args),
            "now": number(case.now),
            "audience": case.audience,
            "policy": self.resolve(0, case.policy),
        }

    def token(self, place: int, part: Part) -> str:
        compact, digest = self.part(place, part, part.claims)
        self.digests.append(digest)
        jti = part.claims.get("jti") if isinstance(part.claims, dict) else None
        self.jtis.append(jti if isinstance(jti, str) else "")
        return compact if part.instead is None else self.part(place, part, part.instead)[0]

    def part(self, place: int, part: Part, claims: Tree) -> tuple[str, str]:
        header = write(self.resolve(place, part.header)).encode()
        payload = write(self.resolve(place, claims), part.loose).encode()
        parent = self.case.parts[place - 1].holder if place else self.case.root_key
        key = private(parent if part.signer is None else part.signer)
        return edits.compact(header, payload, key.sign, part.edits)

    def resolve(self, place: int, tree: Tree) -> JSON:
        match tree:
            case Ref():
                return self.reference(place, tree)
            case list():
                return [self.resolve(place, element) for element in tree]
            case dict():
                return {name: self.resolve(place, value) for name, value in tree.items()}
            case _:
                return tree

    def reference(self, place: int, ref: Ref) -> JSON:
        parts = self.case.parts
        match ref.what:
            case "depth":
                return number(place)
            case "iss":
                return THUMBPRINT + thumbprint(parts[place - 1].holder if place else self.case.root_key)
            case "thumbprint":
                return THUMBPRINT + thumbprint(ref.index)
            case "x":
                return public(parts[min(place, len(parts) - 1)].holder)
            case "key":
                return public(ref.index)
            case "parent":
                return self.digests[place - 1] if place and self.digests else hashed("")
            case "digest":
                return self.digests[ref.index % len(self.digests)] if self.digests else hashed("")
            case "jti":
                return self.jtis[-1] if self.jtis else ""
            case "tool":
                return self.case.tool
            case "args":
                return canonical_numbers(self.resolve(place, self.case.args))
            case "args as written":
                return self.resolve(place, self.case.args)
            case other:
                raise AssertionError(other)


def canonical_numbers(value: JSON) -> JSON:
    match value:
        case Number():
            double = value.double()
            return Number(jcs.number(double)) if abs(double) < float("inf") else value
        case list():
            return [canonical_numbers(element) for element in value]
        case dict():
            return {name: canonical_numbers(element) for name, element in value.items()}
        case _:
            return value
