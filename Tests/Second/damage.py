"""What is done to a valid case. Not all of it is damage: the verifiers say what is denied, this says what is tried."""

# ruff: noqa: E501 (tables, as they read best)

from __future__ import annotations

import random
from collections.abc import Callable

import damage_links
import damage_scopes
import values
from aat02.strictjson import Number
from model import Case, Object, Part, Ref, Tree, number, tree

Damage = Callable[[random.Random, Case], None]


def damaged(rng: random.Random, case: Case) -> Case:
    case.valid = False
    names: list[str] = []
    for _ in range(rng.choice([1, 1, 1, 1, 2, 3])):
        damage = rng.choice(rng.choice(KINDS))
        damage(rng, case)
        names.append(damage.__name__)
    case.name = "+".join(names)
    return case


def claims(part: Part) -> Object:
    """Empty, and thrown away, where another damage has made the claims something else."""
    return part.claims if isinstance(part.claims, dict) else {}


def any_part(rng: random.Random, case: Case) -> Part:
    return rng.choice([*case.parts, case.proof])


def odd(rng: random.Random) -> Tree:
    """A value of some type, often nearly right."""
    options: list[Tree] = [None, True, False, "", "0", "1", [], {}, ["a"], {"a": "b"}, Ref("depth"), Ref("x"), "https://auth.example.com",
               *(Number(text) for text in ["0", "1", "-1", "-0", "0.0", "1.0", "1e0", "0e0", "2", "8", "1E0", "9007199254740991", "9007199254740992",
               "9007199254740993", "18446744073709551616", "-9223372036854775809", "1e400", "4294967296", "1704067500.0", "17040675e2",
               "9223372036854775807", "9223372036854775777", "-9223372036854775808", "1" + "0" * 400])]  # fmt: skip
    return rng.choice(options)


def remove_claim(rng: random.Random, case: Case) -> None:
    found = claims(any_part(rng, case))
    if found:
        del found[rng.choice(sorted(found))]


def retype_claim(rng: random.Random, case: Case) -> None:
    found = claims(any_part(rng, case))
    if found:
        found[rng.choice(sorted(found))] = odd(rng)


def wrap_claim(rng: random.Random, case: Case) -> None:
    """A claim as the only element of an array, or under a name of its own."""
    found = claims(any_part(rng, case))
    if found:
        name = rng.choice(sorted(found))
        found[name] = rng.choice([[found[name]], {name: found[name]}, [found[name], found[name]]])


def swap_claims(rng: random.Random, case: Case) -> None:
    found = claims(any_part(rng, case))
    if len(found) > 1:
        a, b = rng.sample(sorted(found), 2)
        found[a], found[b] = found[b], found[a]


def borrow_claim(rng: random.Random, case: Case) -> None:
    """From another token or the proof; what refers to others refers from here."""
    parts = [*case.parts, case.proof]
    taker, giver = claims(rng.choice(parts)), claims(rng.choice(parts))
    if giver:
        name = rng.choice(sorted(giver))
        taker[name] = giver[name]


def rename_claim(rng: random.Random, case: Case) -> None:
    found = claims(any_part(rng, case))
    if found:
        name = rng.choice(sorted(found))
        found[rng.choice([name.upper(), name + " ", name + "\0", name.replace("e", "\u0435"), name[:-1]])] = found.pop(name)


def add_claim(rng: random.Random, case: Case) -> None:
    """Claims that the draft does not define are ignored, whatever they say."""
    found = claims(any_part(rng, case))
    name = rng.choice(
        [
            "nbf",
            "sub",
            "htm",
            "scope",
            "act",
            "client_id",
            "x",
            "crit",
            "alg",
            "typ",
            "status",
            "revoked",
            "del_depth ",
            "\u0000",
            "cnf2",
            "",
        ]
    )
    found.setdefault(name, rng.choice([odd(rng), number(case.now + 1000)]))


def claims_not_object(rng: random.Random, case: Case) -> None:
    any_part(rng, case).claims = rng.choice([None, [], "x", Number("1"), True, {}, [{"jti": "a"}]])


def stale(rng: random.Random, case: Case) -> None:
    """Times at the edges."""
    part = any_part(rng, case)
    now, day = case.now, 86400
    if part is case.proof:
        claims(part)["iat"] = number(now + rng.choice([-31, -30, 30, 31, -60, 60, -3600]))
        return
    name = rng.choice(["iat", "exp"])
    parent = claims(case.parts[max(0, case.parts.index(part) - 1)])
    old = parent.get(name)
    near = [int(old.text) + rng.choice([-1, 0, 1])] if isinstance(old, Number) and old.is_integer else []
    claims(part)[name] = number(rng.choice([now - 1, now, now + 1, now + 29, now + 30, now + 31, -1, 0, *near, *near]))
    if rng.random() < 0.3:
        claims(part)["iat"] = number(now - day)
        claims(part)["exp"] = number(now + 89 * day + rng.choice([-1, 0, 1]))


def expired(rng: random.Random, case: Case) -> None:
    """One token out of its time, everything else in order."""
    place = rng.choice([0, len(case.parts) - 1])
    found, above = claims(case.parts[place]), claims(case.parts[max(0, place - 1)])
    if rng.random() < 0.5:
        found["iat"] = number(case.now - 100) if place == 0 else above.get("iat", number(0))
        found["exp"] = number(case.now + rng.choice([-1, 0, 1]))
    else:
        found["iat"] = number(case.now + rng.choice([30, 31, 32]))
        found["exp"] = number(case.now + 100) if place == 0 else above.get("exp", number(0))


def other_now(rng: random.Random, case: Case) -> None:
    case.now += rng.choice([-1, 1, 29, 31, 60, -60, 10**6, -(10**6), 10**9])


def depths(rng: random.Random, case: Case) -> None:
    place = rng.randrange(len(case.parts))
    name = rng.choice(["del_depth", "del_max_depth"])
    texts = [str(place + step) for step in (-1, 0, 1, 2)] + [
        f"{place}.0",
        f"{place}e0",
        f"-{place}",
        f"{place}.5",
        "8",
        "1000",
        "4294967296",
    ]
    others: list[Tree] = [str(place), [number(place)], place == 1, None]
    claims(case.parts[place])[name] = Number(rng.choice(texts)) if rng.random() < 0.8 else rng.choice(others)


def ceiling(rng: random.Random, case: Case) -> None:
    """A token that may not be derived from, and a child of it; or a ceiling below the token's own depth."""
    place = rng.randrange(len(case.parts))
    claims(case.parts[place])["del_max_depth"] = number(max(0, place + rng.choice([-1, 0])))


def short_lived(rng: random.Random, case: Case) -> None:
    """Expires when or before it was issued, but is neither stale nor from the future."""
    found = claims(rng.choice([case.parts[-1], case.parts[-1], case.parts[0]]))
    moment = case.now + rng.randint(2, 29)
    found["iat"], found["exp"] = number(moment), number(moment + rng.choice([-1, 0, 1]))


def nothing(rng: random.Random, case: Case) -> None:
    """An empty text or chain."""
    if rng.random() < 0.3:
        case.order = []
    else:
        found = claims(any_part(rng, case))
        name = rng.choice(["jti", "jti", "iss", "par_hash", "aat_tool", "aat_id", "nonce", "aud"])
        if name in found:
            found[name] = ""


def number_spelling(rng: random.Random, case: Case) -> None:
    """1.0 for 1 in a claim that is an integer: refused, though it is the same number (section 3.2)."""
    found = claims(any_part(rng, case))
    numbers = [name for name, value in sorted(found.items()) if isinstance(value, Number)]
    if numbers:
        name = rng.choice(numbers)
        value = found[name]
        assert isinstance(value, Number)
        if len(value.text) < 25 and "e" not in value.text:
            found[name] = values.spelled(rng, value)


def text_confusable(rng: random.Random, case: Case) -> None:
    """Another text where the same is asked for: audiences, issuers, tools, nonces, ids."""
    other: Callable[[str], str] = lambda text: values.confusable(rng, text)  # noqa: E731
    match rng.randrange(6):
        case 0:
            case.audience = other(case.audience)
        case 1:
            case.tool = other(case.tool) if rng.random() < 0.5 else case.tool
            claims(case.proof)["aat_tool"] = other(case.tool)
        case 2:
            case.anchors = [(other(iss), key) for iss, key in case.anchors]
        case 3:
            nonce = case.policy.get("nonce")
            if isinstance(nonce, str):
                claims(case.proof)["nonce"] = other(nonce)
        case 4:
            jti = claims(case.parts[-1]).get("jti")
            if isinstance(jti, str):
                claims(case.proof)["aat_id"] = other(jti)
        case _:
            case.tool = other(case.tool)


def audience(rng: random.Random, case: Case) -> None:
    here = case.audience
    options: list[Tree] = [here, [here], [], "", [""], None, Number("1"), {}, [Number("1"), here], [here, None], [[here]], here + "/", ["a", here], "a", ["a"],
                           True, {here: here}, [here, here]]  # fmt: skip
    if rng.random() < 0.7:
        claims(rng.choice(case.parts))["aud"] = rng.choice(options)
    else:
        claims(case.proof)["aat_aud"] = rng.choice(options)


def policy(rng: random.Random, case: Case) -> None:
    name = rng.choice(["require_chain_aud", "require_pop_aud", "nonce"])
    if name == "nonce":
        case.policy[name] = rng.choice(["n", "m", ""]) if rng.random() < 0.8 else "\u00e9"
        claims(case.proof)[name] = rng.choice(["n", "m", "", None, ["n"], Number("1")])
    else:
        case.policy[name] = not case.policy.get(name, False)


def args(rng: random.Random, case: Case) -> None:
    """The invocation and the proof together, or only one of them."""
    before = dict(case.args)
    names = [*sorted(before), *rng.sample(values.NAMES, 2), "*"]
    name = rng.choice(names)
    match rng.randrange(6):
        case 0:
            case.args.pop(name, None)
        case 1:
            case.args = {**before, name: tree(values.value(rng))}
        case 2:
            case.args = {**before, name: Number(rng.choice(values.INADMISSIBLE))}
        case 3:
            old = before.get(name)
            case.args = {**before, name: values.near(rng, old) if isinstance(old, Number) else Number(rng.choice(values.EDGES))}
        case 4:
            old = before.get(name)
            case.args = {**before, name: values.confusable(rng, old) if isinstance(old, str) else [before.get(name)]}
        case _:
            case.args = {key if key != name else values.confusable(rng, key): value for key, value in before.items()}
    if rng.random() < 0.3:
        claims(case.proof)["hta"] = {**before}
    elif rng.random() < 0.2:
        claims(case.proof)["hta"] = Ref("args as written")
    elif rng.random() < 0.2:
        case.args, claims(case.proof)["hta"] = before, {**case.args}


TIMES: list[Damage] = [stale, expired, short_lived, other_now]
DEPTHS: list[Damage] = [depths, depths, ceiling]
CLAIMS: list[Damage] = [
    remove_claim,
    retype_claim,
    wrap_claim,
    swap_claims,
    borrow_claim,
    rename_claim,
    add_claim,
    claims_not_object,
    number_spelling,
    nothing,
]
TEXTS: list[Damage] = [text_confusable, audience, policy]

# A kind first, so that one with many names is not tried more often.
KINDS = [TIMES, TIMES, DEPTHS, CLAIMS, CLAIMS, TEXTS, TEXTS, [args], [args], damage_scopes.KINDS, damage_scopes.KINDS, damage_scopes.KINDS,
         damage_links.KINDS, damage_links.KINDS, damage_links.HEADERS, damage_links.TRUST, damage_links.BYTES]  # fmt: skip
