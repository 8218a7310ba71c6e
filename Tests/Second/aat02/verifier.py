"""Section 8, step by step. Every denial names its step."""

from __future__ import annotations

from dataclasses import dataclass, field

from . import claims as read
from . import jcs
from .claims import Claims, Token
from .constraints import Malformed, permits, read_map
from .jws import Compact, Key, NotJWS
from .strictjson import JSON, NotJSON, parse
from .subsumption import attenuates, keys_fit, stays_required

MAX_TOKEN_SIZE = 65536
MAX_CHAIN_SIZE = 262144
MAX_IAT_SKEW = 30
MAX_TOKEN_LIFETIME = 90 * 86400
MAX_DELEGATION_DEPTH = 8
PROOF_WINDOW = 30


class Denied(Exception):
    def __init__(self, step: str, why: str) -> None:
        super().__init__(f"{step}: {why}")
        self.step = step


@dataclass(frozen=True)
class Verdict:
    permitted: bool
    step: str | None = None
    why: str = ""


@dataclass(frozen=True)
class Anchor:
    issuer: str
    key: Key


@dataclass
class Presentation:
    """What an enforcement point is given, and what it asks for. `args` are as written in the invocation."""

    chain: list[str]
    proof: str
    tool: str
    args: dict[str, JSON]
    now: int
    anchors: list[Anchor]
    audience: str
    nonce: str | None = None
    require_chain_audience: bool = False
    require_proof_audience: bool = False
    accepted: set[str] = field(default_factory=set[str])
    track: bool = False


def need(step: str, holds: bool, why: str) -> None:
    if not holds:
        raise Denied(step, why)


def verify(p: Presentation) -> Verdict:
    try:
        chain = verify_chain(p)
        claims = verify_proof_signature(p, chain[-1])
        verify_leaf(p, chain)
        verify_proof(p, chain[-1], claims)
    except Denied as denied:
        return Verdict(False, denied.step, str(denied))
    return Verdict(True)


def verify_chain(p: Presentation) -> list[Token]:
    need("1", bool(p.chain), "the chain is empty")
    need("2a", all(len(token.encode()) <= MAX_TOKEN_SIZE for token in p.chain), "a token is too large")
    need("2b", sum(len(token.encode()) for token in p.chain) <= MAX_CHAIN_SIZE, "the chain is too large")
    compacts = distinct(p.chain)
    tokens = [verify_root(p, compacts[0])]
    for compact in compacts[1:]:
        tokens.append(verify_child(p, tokens[-1], compact))
    need("5", len(tokens) == tokens[-1].depth + 1, "the leaf's depth is not the chain's length")
    return tokens


def distinct(chain: list[str]) -> list[Compact]:
    """Step 2c. What is not a token at all is denied here as well."""
    compacts: list[Compact] = []
    seen: set[str] = set()
    for text in chain:
        try:
            compact = Compact.read(text)
            claims = parse(compact.payload(), duplicates=True)
        except (NotJWS, NotJSON) as error:
            raise Denied("2c", str(error)) from None
        jti = claims.get("jti") if isinstance(claims, dict) else None
        if not isinstance(jti, str):
            raise Denied("2c", "no jti that is a string")
        need("2c", jti not in seen, "a jti appears twice")
        seen.add(jti)
        compacts.append(compact)
    return compacts


def parse_claims(step: str, compact: Compact) -> Claims:
    try:
        claims = parse(compact.payload())
    except (NotJSON, NotJWS) as error:
        raise Denied(step, str(error)) from None
    if not isinstance(claims, dict):
        raise Denied(step, "the claims are not an object")
    return claims


def verify_root(p: Presentation, compact: Compact) -> Token:
    need("3a", compact.header_fits("aat+jwt"), "alg, typ or crit of the root")
    trusted = {anchor.issuer for anchor in p.anchors if compact.signed_by(anchor.key)}
    need("3b", bool(trusted), "no trust anchor verifies the root")
    claims = parse_claims("3b", compact)
    iat, exp = read.integer(claims.get("iat")), read.integer(claims.get("exp"))
    if iat is None or exp is None:
        raise Denied("3b", "iat or exp is not a NumericDate")
    need("3c", read.integer(claims.get("del_depth")) == 0, "del_depth is not the integer 0")
    need("3d", "par_hash" not in claims, "the root has par_hash")
    need("3e", exp > p.now, "expired")
    need("3f", iat <= p.now + MAX_IAT_SKEW, "issued in the future")
    need("3g", exp > iat, "exp is not after iat")
    need("3h", exp <= iat + MAX_TOKEN_LIFETIME, "lives too long")
    max_depth = read.natural(claims.get("del_max_depth"))
    if max_depth is None or max_depth > MAX_DELEGATION_DEPTH:
        raise Denied("3i", "del_max_depth")
    jti = read.text(claims.get("jti"))
    if jti is None:
        raise Denied("3j", "jti")
    need("3k", read.is_uri(claims.get("iss")) and claims.get("iss") in trusted, "iss is not the anchor's issuer")
    key = holder("3l", claims)
    found = read.entries(claims)
    need("3m", found is not None and len(found) == 1, "not exactly one entry")
    token = Token(compact, claims, jti, iat, exp, 0, max_depth, key, {})
    read_tools("3m", "3n", token)
    return token


def holder(step: str, claims: Claims) -> Key:
    try:
        return Key.read(read.holder(claims))
    except NotJWS as error:
        raise Denied(step, str(error)) from None


def read_tools(shape: str, form: str, token: Token) -> None:
    """Steps 3m and 3n, or 4n and 4o; a token without an entry keeps the empty set."""
    for entry in read.entries(token.claims) or []:
        found = read.tools(entry)
        if found is None:
            raise Denied(shape, "tools is not an object of objects")
        try:
            token.tools = {name: read_map(rules) for name, rules in found.items()}
        except Malformed as error:
            raise Denied(form, str(error)) from None


def verify_child(p: Presentation, parent: Token, compact: Compact) -> Token:
    need("4a", compact.header_fits("aat+jwt"), "alg, typ or crit of a derived token")
    need("4b", compact.signed_by(parent.holder), "not signed by the parent's holder")
    claims = parse_claims("4b", compact)
    jti = read.text(claims.get("jti"))
    if jti is None:
        raise Denied("4b1", "jti")
    key = holder("4b2", claims)
    found = read.entries(claims)
    if found is None:
        raise Denied("4b3", "authorization_details is not an array")
    depth, max_depth = read.natural(claims.get("del_depth")), read.natural(claims.get("del_max_depth"))
    if depth is None or max_depth is None:
        raise Denied("4b4", "del_depth or del_max_depth is not a non-negative integer")
    iss, par_hash = claims.get("iss"), claims.get("par_hash")
    iat, exp = read.integer(claims.get("iat")), read.integer(claims.get("exp"))
    if not isinstance(iss, str) or not isinstance(par_hash, str) or iat is None or exp is None:
        raise Denied("4b5", "iss, par_hash, iat or exp")
    need("4c", iss == parent.holder.thumbprint_uri(), "iss is not the parent's holder")
    need("4d", depth == parent.depth + 1, "del_depth is not one more")
    need("4e", depth <= parent.max_depth, "del_depth is above the parent's del_max_depth")
    need("4f", depth <= MAX_DELEGATION_DEPTH, "del_depth is above the limit")
    need("4g", max_depth <= parent.max_depth, "del_max_depth is above the parent's")
    need("4h", exp <= parent.exp, "outlives its parent")
    need("4i", exp > p.now, "expired")
    need("4j", iat >= parent.iat, "issued before its parent")
    need("4k", iat <= p.now + MAX_IAT_SKEW, "issued in the future")
    need("4l", exp > iat, "exp is not after iat")
    need("4m", depth <= max_depth, "del_depth is above del_max_depth")
    need("4n", len(found) <= 1, "more than one entry")
    child = Token(compact, claims, jti, iat, exp, depth, max_depth, key, {})
    read_tools("4n", "4o", child)
    need("4p1", set(child.tools) <= set(parent.tools), "a tool the parent does not have")
    for step, holds in (("4p2", keys_fit), ("4p3", stays_required), ("4p4", attenuates)):
        for tool, rules in child.tools.items():
            need(step, holds(parent.tools[tool], rules), f"tool {tool!r} widens")
    need("4q", par_hash == parent.compact.digest(), "par_hash is not the parent's")
    return child


def verify_leaf(p: Presentation, chain: list[Token]) -> None:
    leaf = chain[-1]
    found = read.entries(leaf.claims)
    need("6a", found is not None and len(found) == 1, "the leaf has no entry")
    need("6b", p.tool in leaf.tools, "the leaf does not have the tool")
    need("6b", jcs.all_admissible(p.args), "an argument's number is not admissible")
    need("6b", permits(leaf.tools[p.tool], p.args), "the arguments are not permitted")
    named = [read.audiences(token.claims["aud"]) for token in chain if "aud" in token.claims]
    need("6c", all(values is not None and p.audience in values for values in named), "aud names others")
    need("6c", bool(named) or not p.require_chain_audience, "no token has aud")


def verify_proof_signature(p: Presentation, leaf: Token) -> Claims:
    """Steps 7a and 7b, which the draft wants before step 6b."""
    try:
        proof = Compact.read(p.proof)
    except NotJWS as error:
        raise Denied("7a", str(error)) from None
    need("7a", proof.header_fits("aat-pop+jwt"), "alg, typ or crit of the proof")
    need("7b", proof.signed_by(leaf.holder), "not signed by the leaf's holder")
    return parse_claims("7b", proof)


def verify_proof(p: Presentation, leaf: Token, claims: Claims) -> None:
    names = ("jti", "aat_id", "aat_hash", "aat_tool")
    need("7c", all(read.text(claims.get(name)) is not None for name in names), "a claim is not a string, or empty")
    iat, hta = read.integer(claims.get("iat")), claims.get("hta")
    if iat is None or not isinstance(hta, dict):
        raise Denied("7c", "iat or hta")
    need("7c", claims["aat_id"] == leaf.jti, "aat_id is not the leaf's")
    need("7c", claims["aat_hash"] == leaf.compact.digest(), "aat_hash is not the leaf's")
    need("7d", claims.get("aat_aud", p.audience) == p.audience, "aat_aud names another")
    need("7d", "aat_aud" in claims or not p.require_proof_audience, "no aat_aud")
    need("7e", claims["aat_tool"] == p.tool, "aat_tool is another")
    try:
        need("7f", jcs.same(hta, p.args), "hta is not the arguments")
    except jcs.NoCanonicalForm as error:
        raise Denied("7f", str(error)) from None
    need("7g", abs(iat - p.now) <= PROOF_WINDOW, "outside the window")
    if p.nonce is not None:
        need("7h", claims.get("nonce") == p.nonce, "not the nonce that was issued")
    need("7i", not p.track or claims["jti"] not in p.accepted, "presented before")
    if p.track and isinstance(claims["jti"], str):
        p.accepted.add(claims["jti"])
