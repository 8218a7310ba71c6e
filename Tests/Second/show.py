"""A case for people: what was asked, with the tokens taken apart again."""

from __future__ import annotations

from aat02.jws import NotJWS, decode
from aat02.strictjson import JSON
from model import Case, Rendering, write
from question import arr, obj, text


def case(made: Case) -> str:
    question = Rendering(made).question
    lines = [f"case: {made.name}"]
    lines += [f"{name}: {write(question[name])}" for name in ("tool", "args", "now", "audience", "policy", "trust_anchors")]
    lines += [f"token {place}: {taken_apart(token)}" for place, token in enumerate(arr(question["tokens"]))]
    lines.append(f"pop: {taken_apart(question['pop'])}")
    lines.append(f"question: {write(obj({**question}))}")
    return "\n".join("    " + part for part in lines)


def taken_apart(token: JSON) -> str:
    parts = text(token).split(".")
    shown: list[str] = []
    for part in parts[:2]:
        try:
            shown.append(decode(part).decode("utf-8", "backslashreplace"))
        except (NotJWS, ValueError):
            shown.append(repr(part))
    return " ".join(shown) + f" (signature {parts[-1][:8]}..., {len(parts)} parts)"
