"""What is asked of both verifiers: the protocol of `agentidctl conform`, and the same question as this package takes it."""

from __future__ import annotations

import aat02
from aat02.jws import Key
from aat02.strictjson import JSON


def presentation(question: dict[str, JSON]) -> aat02.Presentation:
    """Reads an `input` of the protocol."""
    policy = obj(question["policy"])
    anchors = [obj(anchor) for anchor in arr(question["trust_anchors"])]
    nonce = policy.get("nonce")
    return aat02.Presentation(
        chain=[text(token) for token in arr(question["tokens"])],
        proof=text(question["pop"]),
        tool=text(question["tool"]),
        args=obj(question["args"]),
        now=int(getattr(question["now"], "text", "0")),
        anchors=[aat02.Anchor(text(anchor["iss"]), Key.read(anchor["jwk"])) for anchor in anchors],
        audience=text(question["audience"]),
        nonce=None if nonce is None else text(nonce),
        require_chain_audience=policy.get("require_chain_aud") is True,
        require_proof_audience=policy.get("require_pop_aud") is True,
    )


def obj(value: JSON) -> dict[str, JSON]:
    assert isinstance(value, dict), value
    return value


def arr(value: JSON) -> list[JSON]:
    assert isinstance(value, list), value
    return value


def text(value: JSON) -> str:
    assert isinstance(value, str), value
    return value
