"""What the audit log says of one decision: who, for whom, why, what came before and after, and the proof that it is there."""

import base64
import hashlib
import json
from datetime import datetime, timezone
from itertools import groupby
from pathlib import Path
from typing import Any

import agentid
import screen
from screen import short


def tell(directory: Path, decision: str) -> None:
    """Shows one decision's story on one screen."""
    with agentid.Audit.open(directory) as log:
        found = log.find(decision)
        entry, proof, report = found["entry"], log.prove(found["index"]), log.verify()
        life = [other for other in log.entries() if other.get("agent") == entry["agent"]]
        root = log.head["root"]
    why = f": {entry['reason']}, {entry['message']}" if entry["decision"] == "deny" else ""
    _row("decision", f"{entry['decision']} {entry['tool']}({', '.join(entry['arguments'])}){why}")
    _row("who", " › ".join(short(link["agent"]) for link in entry["chain"]) + f"  (profile {entry['profile']}, owner {entry['owner']})")
    _row("for", f"{entry['principal']}, task: {entry['task']}, intent: {entry['intent']}")
    for index, row in enumerate(_life(life, entry)):
        _row("" if index else "its life", row)
    proved = _root(entry, proof) == root
    _row("proof", f"entry {proof['index']} of {proof['size']}, by {len(proof['path'])} hashes below the signed root {root[:16]}…")
    _row("log", f"{report['size']} entries read again: {'all as signed' if report['sound'] else 'DAMAGED'}")
    screen.check(proved, "the proof does not lead to the signed root")
    screen.check(report["sound"], f"the audit log: {report['findings']}")


def _row(name: str, said: str) -> None:
    screen.line(screen.paint(screen.DIM, f"{name:10}") + said)


def _life(entries: list[dict[str, Any]], told: dict[str, Any]) -> list[str]:
    """What happened to an agent, in order; the same again and again is said once."""
    rows = []
    for word, group in groupby(entries, key=lambda entry: _word(entry) if entry != told else f"{_word(entry)}   <- this decision"):
        times = [datetime.fromtimestamp(entry["time_ms"] / 1000, timezone.utc) for entry in group]
        again = f", {len(times)} times" if len(times) > 1 else ""
        rows.append(f"{times[0]:%H:%M:%S}.{times[0].microsecond // 1000:03}  {word}{again}")
    return rows


def _word(entry: dict[str, Any]) -> str:
    if entry["kind"] == "decision":
        return f"{entry['decision']} {entry['tool']}"
    return entry["event"] + (f": {screen.plain(entry['reason'])}" if "reason" in entry else "")


def _root(entry: dict[str, Any], proof: dict[str, Any]) -> str:
    """The root that an entry and its path lead to (RFC 9162, 2.1.3.2), without libagentid."""
    line = json.dumps(entry, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    node, index, last = hashlib.sha256(b"\0" + line).digest(), proof["index"], proof["size"] - 1
    for sibling in map(base64.b64decode, proof["path"]):
        if index % 2 or index == last:
            node = hashlib.sha256(b"\1" + sibling + node).digest()
            while index % 2 == 0 and index:
                index, last = index // 2, last // 2
        else:
            node = hashlib.sha256(b"\1" + node + sibling).digest()
        index, last = index // 2, last // 2
    return base64.b64encode(node).decode()
