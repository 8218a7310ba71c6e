"""Random values: few of each kind, so that equal ones meet, and those at the edges of what readers agree on."""

# ruff: noqa: E501 (tables, as they read best)

from __future__ import annotations

import math
import random
import struct
import unicodedata

from aat02 import jcs
from aat02.strictjson import JSON, Number

# Pairs that a reader who compares more than bytes takes for one: composed and decomposed, a sign and the letter it
# stands for, ligatures, case, invisible characters.
STRINGS = ["", "a", "b", "A", "c", "\u00e9", "e\u0301", "K", "\u212a", "\u00c5", "A\u030a", "\u212b", "\ufb01", "fi", "\u00df", "ss",
           "a/b", "a\u200d", "\0", "\x1f", "\x7f", "\u2028", "\ufeff", "\uffff", "\U0001f600", "\ufb33", "\uac00", "\u1100\u1161",
           "*", "true", "1", "1.0", "null", "\"\\", "https://tools.example.com/a%20b", "%61"]  # fmt: skip
NAMES = ["a", "b", "c", "path", "limit", "K", "\u212a", "\u00e9", "e\u0301", "a b", "\U0001f600", "A"]

INTEGERS = ["0", "1", "2", "3", "-1", "10", "100", "255", "9007199254740991", "9007199254740992", "-9007199254740992"]
EDGES = ["9007199254740994", "-9007199254740994", "1e20", "1e21", "1e23", "-1e21", "100000000000000000000", "0.1", "0.5", "-0.5", "1e-6",
         "1e-7", "5e-324", "1.7976931348623157e308", "2.2250738585072014e-308", "1.5", "0.30000000000000004", "4.35", "1e300",
         "18446744073709552000", "9223372036854776000", "-9223372036854776000", "9007199254740996", "123456789012345680"]  # fmt: skip
INADMISSIBLE = ["9007199254740993", "-9007199254740993", "1.00000000000000001", "1e400", "-1e400", "1e-400", "4e-324", "18446744073709551615",
                # Powers of two are doubles, but the canonical form of these is another number: 18446744073709552000.
                "18446744073709551616", "9223372036854775808", "-9223372036854775808",
                "9223372036854775807", "0.1000000000000000055511151231257827", "123456789012345678", "9007199254740993.0",
                "900719925474099.3e1", "0.30000000000000004441", "1e99999999999999999999", "1e-99999999999999999999",
                "1.7976931348623159e308", "9007199254740992.5", "2.00000000000000000000000000000000000000001"]  # fmt: skip


def number(rng: random.Random) -> Number:
    """An admissible one, in any spelling."""
    roll = rng.random()
    if roll < 0.5:
        found = Number(rng.choice(INTEGERS))
    elif roll < 0.7:
        found = Number(rng.choice(EDGES))
    elif roll < 0.85:
        found = Number(str(rng.randint(-1000, 1000)))
    else:
        (double,) = struct.unpack("<d", rng.randbytes(8))
        found = Number(jcs.number(double) if abs(double) < float("inf") else "7")
    return spelled(rng, found) if rng.random() < 0.3 else found


def spelled(rng: random.Random, value: Number) -> Number:
    """The same number, written otherwise."""
    negative, digits, power = value.exact()
    if not digits:
        return Number(rng.choice(["0", "-0", "0.0", "-0.0", "0e0", "0E-7", "-0e+9", "0e99999999999999999999"]))
    sign = "-" if negative else ""
    point = len(digits) + power
    forms = [f"{sign}{digits[0]}.{digits[1:] or '0'}E+{point - 1}" if point > 0 else f"{sign}{digits[0]}.{digits[1:] or '0'}e{point - 1}",
             f"{sign}{digits}e{power}", f"{sign}{digits}00E{power - 2}", f"{sign}0.{digits}e{point}"]  # fmt: skip
    if 0 <= power <= 25:
        forms += [f"{sign}{digits}{'0' * power}", f"{sign}{digits}{'0' * power}.0", f"{sign}{digits}{'0' * power}.000e0"]
    return Number(rng.choice(forms))


def near(rng: random.Random, value: Number) -> Number:
    """A number that a careless reader takes for it, or the next one."""
    double = value.double()
    if not math.isfinite(double):
        return Number("1")
    (bits,) = struct.unpack("<q", struct.pack("<d", double))
    (beside,) = struct.unpack("<d", struct.pack("<q", bits ^ 1))
    text = jcs.number(beside) if abs(beside) < float("inf") else "1"
    negated = value.text[1:] if value.text.startswith("-") else "-" + value.text
    return Number(
        rng.choice(
            [text, negated, text, str(int(double) + 1), *([f"{value.text}0000000000000000000001"] if "." in value.text else [])]
        )
    )


def string(rng: random.Random) -> str:
    return rng.choice(STRINGS) if rng.random() < 0.8 else "".join(rng.choice(STRINGS) for _ in range(3))


def scalar(rng: random.Random) -> JSON:
    return rng.choice([number(rng), number(rng), string(rng), string(rng), None, True, False])


def value(rng: random.Random, depth: int = 2) -> JSON:
    roll = rng.random()
    if depth == 0 or roll < 0.6:
        return scalar(rng)
    if roll < 0.85:
        return [value(rng, depth - 1) for _ in range(rng.choice([0, 1, 2, 3]))]
    return {name: value(rng, depth - 1) for name in rng.sample(NAMES, rng.choice([0, 1, 2]))}


def respelled(rng: random.Random, found: JSON) -> JSON:
    """The same value, its numbers written otherwise."""
    match found:
        case Number():
            return spelled(rng, found)
        case list():
            return [respelled(rng, element) for element in found]
        case dict():
            return {name: respelled(rng, element) for name, element in found.items()}
        case _:
            return found


def confusable(rng: random.Random, text: str) -> str:
    """Another text that some comparisons take for the same."""
    forms = {unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKC", "NFKD")}
    forms |= {
        text.upper(),
        text.lower(),
        text.casefold(),
        text.swapcase(),
        text + "\0",
        text + " ",
        text.replace("K", "\u212a"),
        text + "\u200b",
    }
    forms |= {text.rstrip("/") + "/", text.replace("\u00e9", "e\u0301"), text.replace("a", "\u0430")}
    others = sorted(forms - {text})
    return rng.choice(others)
