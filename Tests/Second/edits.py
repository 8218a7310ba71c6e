"""Changes below the level of JSON: bytes of a payload, a signature, a compact serialization."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aat02.jws import ORDER, encode, hashed


@dataclass(frozen=True)
class Edit:
    """`what` is one of the tables' names; `text` is what some of them insert."""

    what: str
    text: str = ""
    place: int = 0


def inserted(payload: bytes, edit: Edit) -> bytes:
    """Into the object, at its start or its end."""
    body, text = payload.strip(), edit.text.encode()
    comma = b"," if body != b"{}" else b""
    return b"{" + text + comma + body[1:] if edit.place == 0 else body[:-1] + comma + text + b"}"


PAYLOAD: dict[str, Callable[[bytes, Edit], bytes]] = {
    "member": inserted,
    "nested member": lambda payload, edit: payload.replace(b'":{', b'":{' + edit.text.encode() + b",", 1),
    "byte-order mark": lambda payload, _: b"\xef\xbb\xbf" + payload,
    "more": lambda payload, edit: payload + edit.text.encode(),
    "cut": lambda payload, edit: payload[: len(payload) * edit.place // 100],
    "not UTF-8": lambda payload, edit: inserted(payload, Edit("", '"x":"?"', 0)).replace(b'"?"', b'"\xc3\x28"'),
    "overlong": lambda payload, edit: inserted(payload, Edit("", '"x":"?"', 0)).replace(b'"?"', b'"\xc0\xaf"'),
    "surrogate bytes": lambda payload, edit: inserted(payload, Edit("", '"x":"?"', 0)).replace(b'"?"', b'"\xed\xa0\x80"'),
    "utf-16": lambda payload, _: payload.decode().encode("utf-16"),
}

SIGNATURE: dict[str, Callable[[bytes, Edit], bytes]] = {
    "flip": lambda signature, edit: bytes(
        b ^ (1 << edit.place % 8 if i == edit.place // 8 % 64 else 0) for i, b in enumerate(signature)
    ),
    "short": lambda signature, edit: signature[: edit.place % 64],
    "long": lambda signature, _: signature + b"\0",
    # The same signature to who does not check that S is below the group's order (RFC 8032 section 5.1.7).
    "plus order": lambda s, _: s[:32] + (int.from_bytes(s[32:], "little") + ORDER).to_bytes(32, "little"),
    "zeros": lambda _, __: bytes(64),
    "identity": lambda _, __: b"\1" + bytes(63),
}

COMPACT: dict[str, Callable[[str, Edit], str]] = {
    "padding": lambda text, _: text + "==",
    "padding inside": lambda text, _: text.replace(".", "=.", 1),
    "four parts": lambda text, _: text + ".",
    "two parts": lambda text, _: text.rpartition(".")[0],
    "one part": lambda text, _: text.replace(".", ""),
    "empty": lambda _, __: "",
    "newline": lambda text, _: text + "\n",
    "space first": lambda text, _: " " + text,
    "standard alphabet": lambda text, _: text.replace("-", "+").replace("_", "/"),
    "not ASCII": lambda text, _: text[:-1] + "\u00e9",
    # The last character of 86 carries 2 bits; the other 4 must not matter, or one token has 16 texts.
    "unused bits": lambda text, _: text[:-1] + {"A": "B", "Q": "R", "g": "h", "w": "x"}.get(text[-1:], "B"),
    "two dots": lambda text, _: text.replace(".", "..", 1),
}

HEADER: dict[str, Callable[[bytes, Edit], bytes]] = {
    "header member": inserted,
    "header as array": lambda header, _: b"[" + header + b"]",
    "header cut": lambda header, _: header[:-1],
    "header spaced": lambda header, _: b" " + header.replace(b":", b" : ") + b"\n",
}

NAMES = [*PAYLOAD, *SIGNATURE, *COMPACT, *HEADER]


def compact(header: bytes, payload: bytes, sign: Callable[[bytes], bytes], edits: Sequence[Edit]) -> tuple[str, str]:
    """The serialization, and the digest of its signing input before it was changed as text."""
    for edit in edits:
        header = HEADER[edit.what](header, edit) if edit.what in HEADER else header
        payload = PAYLOAD[edit.what](payload, edit) if edit.what in PAYLOAD else payload
    signing_input = f"{encode(header)}.{encode(payload)}"
    signature = sign(signing_input.encode())
    for edit in edits:
        signature = SIGNATURE[edit.what](signature, edit) if edit.what in SIGNATURE else signature
    text = f"{signing_input}.{encode(signature)}"
    for edit in edits:
        text = COMPACT[edit.what](text, edit) if edit.what in COMPACT else text
    return text, hashed(signing_input)
