"""JSON as RFC 8259 writes it, with numbers kept as they are written and duplicate names refused."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TypeAlias

sys.set_int_max_str_digits(0)  # a number may have as many digits as a token has bytes
sys.setrecursionlimit(10_000)

DEEPEST = 500


class NotJSON(ValueError):
    """The text is not JSON, or is JSON that two readers may take for two values."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number, by its text."""

    text: str

    @property
    def is_integer(self) -> bool:
        """Without fraction and exponent part (section 3.2)."""
        return not any(mark in self.text for mark in ".eE")

    def integer(self) -> int:
        return int(self.text)

    def double(self) -> float:
        return float(self.text)

    def exact(self) -> tuple[bool, str, int]:
        """The value as sign, digits without zeros at either end, and a power of ten; zero is (False, "", 0)."""
        mantissa, _, exponent = self.text.lower().partition("e")
        whole, _, fraction = mantissa.lstrip("-").partition(".")
        digits = (whole + fraction).lstrip("0")
        power = int(exponent or "0") - len(fraction)
        short = digits.rstrip("0")
        if not short:
            return False, "", 0
        return mantissa.startswith("-"), short, power + len(digits) - len(short)


JSON: TypeAlias = "bool | str | Number | list[JSON] | dict[str, JSON] | None"

SPACE = re.compile(r"[ \t\n\r]*")
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
HEX = re.compile(r"[0-9A-Fa-f]{4}")
ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


def parse(data: bytes, *, duplicates: bool = False) -> JSON:
    """Reads one value; `duplicates` lets a later member replace an earlier one of the same name."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotJSON(f"not UTF-8 at byte {error.start}") from None
    reader = Reader(text, duplicates)
    value = reader.value(0)
    reader.space()
    if reader.at != len(text):
        raise reader.error("something after the value")
    return value


class Reader:
    def __init__(self, text: str, duplicates: bool) -> None:
        self.text = text
        self.duplicates = duplicates
        self.at = 0

    def error(self, what: str) -> NotJSON:
        return NotJSON(f"{what} at character {self.at}")

    def space(self) -> None:
        match = SPACE.match(self.text, self.at)
        assert match
        self.at = match.end()

    def takes(self, mark: str) -> bool:
        if self.text.startswith(mark, self.at):
            self.at += len(mark)
            return True
        return False

    def value(self, depth: int) -> JSON:
        if depth > DEEPEST:
            raise self.error(f"nested more than {DEEPEST} deep")
        self.space()
        if self.takes("{"):
            return self.object(depth)
        if self.takes("["):
            return self.array(depth)
        if self.takes('"'):
            return self.string()
        for word, meant in WORDS.items():
            if self.takes(word):
                return meant
        match = NUMBER.match(self.text, self.at)
        if not match:
            raise self.error("no value")
        self.at = match.end()
        return Number(match.group())

    def object(self, depth: int) -> dict[str, JSON]:
        members: dict[str, JSON] = {}
        self.space()
        if self.takes("}"):
            return members
        while True:
            self.space()
            if not self.takes('"'):
                raise self.error("no member name")
            name = self.string()
            if name in members and not self.duplicates:
                raise self.error(f"duplicate member name {name!r}")
            self.space()
            if not self.takes(":"):
                raise self.error("no colon")
            members[name] = self.value(depth + 1)
            self.space()
            if self.takes("}"):
                return members
            if not self.takes(","):
                raise self.error("no comma")

    def array(self, depth: int) -> list[JSON]:
        values: list[JSON] = []
        self.space()
        if self.takes("]"):
            return values
        while True:
            values.append(self.value(depth + 1))
            self.space()
            if self.takes("]"):
                return values
            if not self.takes(","):
                raise self.error("no comma")

    def string(self) -> str:
        parts: list[str] = []
        while True:
            match = PLAIN.match(self.text, self.at)
            assert match
            parts.append(match.group())
            self.at = match.end()
            if self.takes('"'):
                return "".join(parts)
            if not self.takes("\\"):
                raise self.error("control character or end inside a string")
            parts.append(self.escape())

    def escape(self) -> str:
        mark = self.text[self.at : self.at + 1]
        self.at += 1
        if mark in ESCAPES:
            return ESCAPES[mark]
        if mark != "u":
            raise self.error("no such escape")
        unit = self.unit()
        if 0xDC00 <= unit <= 0xDFFF:
            raise self.error("lone surrogate")
        if not 0xD800 <= unit <= 0xDBFF:
            return chr(unit)
        # RFC 8785 section 3.2.2.2 ends with an error at a lone surrogate, so a text with one has no canonical form.
        if not self.takes("\\u"):
            raise self.error("lone surrogate")
        second = self.unit()
        if not 0xDC00 <= second <= 0xDFFF:
            raise self.error("lone surrogate")
        return chr(0x10000 + ((unit - 0xD800) << 10) + (second - 0xDC00))

    def unit(self) -> int:
        match = HEX.match(self.text, self.at)
        if not match:
            raise self.error("no four hexadecimal digits")
        self.at = match.end()
        return int(match.group(), 16)
