"""Compares what a page shows with what a run printed.

Identifiers differ from run to run: one that a page shows stands for the one that was printed in its place, there and wherever
the page uses it again, also in later commands. Times, ages and sizes may be any. `…` stands for anything within a line, a line
that is `…` or `...` for any lines. Runs of blanks count as one: columns move with what stands in them.
"""
import re

IDENTIFIER = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"   # an instance, a grant
    r"|\b[0-9a-f]{32}-[0-9a-f]{16}\b"                                  # a decision
    r"|\b[0-9a-f]{12}-\d+\b"                                           # its short form
    r"|(?<=/)[0-9a-f]{12}\b")                                          # an agent's short form
VARIES = re.compile(
    r"(?P<any>…)"
    r"|(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)"
    r"|(?P<age>\b\d+(?:\.\d+)? ?(?:ms|µs|s|m|h|d)\b)"
    r"|(?P<size>\b\d+ bytes\b)"
    r"|(?P<key>\+[0-9a-f]{8}\+[A-Za-z0-9+/=]{44})"
    r"|(?P<thumbprint>(?<![\w-])[\w-]{43}(?![\w-]))")
PATTERN = {"any": ".*?", "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z", "age": r"\d+(?:\.\d+)? ?(?:ms|µs|s|m|h|d)",
           "size": r"\d+ bytes", "key": r"\+[0-9a-f]{8}\+[A-Za-z0-9+/=]{44}", "thumbprint": r"[\w-]{43}"}


def _tidy(text):
    return [re.sub(r"[ \t]+", " ", line.rstrip()) for line in text.strip("\n").splitlines()]


class Names:
    """What the identifiers of a page stand for in this run."""

    def __init__(self):
        self.actual = {}

    def bind(self, shown, printed):
        self.actual[shown] = printed
        if len(shown) == 36:  # of a UUID the last part is its short form
            self.actual[shown[-12:]] = printed[-12:]
        elif len(shown) == 49:
            short = lambda name: f"{name[:12]}-{int(name[33:], 16)}"
            self.actual[short(shown)] = short(printed)

    def replace(self, text):
        return IDENTIFIER.sub(lambda found: self.actual.get(found[0], found[0]), text)

    def matches(self, shown, printed):
        """Whether this was printed; learns what new identifiers stand for."""
        new, lines = {}, []
        for line in _tidy(shown):
            lines.append("(?:.*\n)*" if line.strip() in ("…", "...") else self._pattern(line, new) + "\n")
        found = re.fullmatch("".join(lines), "".join(line + "\n" for line in _tidy(printed)))
        if found:
            for name, group in new.items():
                self.bind(name, found[group])
        return found is not None

    def _pattern(self, line, new):
        parts, at = [], 0
        for name in IDENTIFIER.finditer(line):
            parts.append(self._loose(line[at:name.start()]))
            at = name.end()
            if name[0] in self.actual:
                parts.append(re.escape(self.actual[name[0]]))
            elif name[0] in new:
                parts.append(f"(?P={new[name[0]]})")
            else:
                new[name[0]] = f"n{len(new)}"
                parts.append(f"(?P<{new[name[0]]}>{IDENTIFIER.pattern})")
        return "".join(parts) + self._loose(line[at:])

    @staticmethod
    def _loose(text):
        parts, at = [], 0
        for found in VARIES.finditer(text):
            parts += [re.escape(text[at:found.start()]), PATTERN[found.lastgroup]]
            at = found.end()
        return "".join(parts) + re.escape(text[at:])
