"""The statuses, reason codes and error names that the library can answer, read from its sources.

A regular expression is not a compiler: `unexplained` names what makes an error without a name that was read here, so that a new
way to make one does not pass unseen.
"""
import re

import blocks

SOURCES = blocks.ROOT / "Sources"
LIBRARY = ["StrictJSON", "JOSE", "Scopes", "Policy", "TransparencyLog", "AgentID", "AgentIDC"]
NAME = r'"([a-z][a-z0-9]*(?:_[a-z0-9]+)*)"'
# A denial's reason: in its constructor, in the verifier's check(), or chosen by a switch.
REASON = [rf"\bDenial\(\s*{NAME}", rf"\breason = {NAME}", rf"return {NAME}", rf'try check\((?:(?!try check\().)*?{NAME},\s*"',
          rf"\? error\.name : {NAME}", rf"error\.name == {NAME} \? error\.name", rf"case {NAME}: (?:reason =|return) error\.name"]
REASON_IN = ["AgentID/Delegation", "AgentID/Governance", "AgentID/Guard", "AgentID/Lifecycle", "AgentID/Identity"]
ERROR = [rf"(?<!\.)\bname: {NAME}", rf"\b(?:JOSEError|PolicyError|ScopeError|TransparencyLogError)\(\s*{NAME}", rf"\berror\(\s*\.\w+, {NAME}",
         rf"\.unknown\(\s*{NAME}, ", rf"\berrorName: String \{{ {NAME} \}}"]
# Names that are made of something else, and what of.
PASSED_ON = {"error.name", "error.reason.rawValue", "kind", "name", "denial.reason.rawValue", "refusal.reason.rawValue", "expansion.reason.rawValue", "failure.name",
             "Format.errorName"}
STATE = '"agent_\\(agent.state.rawValue)"'


def texts(*folders):
    for folder in folders:
        path = SOURCES / folder
        for file in [path] if path.is_file() else sorted(path.rglob("*.swift")):
            yield file, re.sub(r"^\s*//.*$", "", file.read_text(), flags=re.M)


def found(patterns, *folders):
    return {name for _, text in texts(*folders) for pattern in patterns for name in re.findall(pattern, text, re.S)}


def reasons():
    # A clock's error is the reason of what it denies.
    return (found(REASON, *REASON_IN) | found([rf"case \w+ = {NAME}"], "Scopes/Refusal.swift")
            | found(ERROR, "AgentID/Platform/CheckedClock.swift")
            # What does not hold together is denied by the name of the error.
            | found([rf"\berror\(\s*{NAME}"], "AgentID/Platform/Apart.swift") | {"journal_missing"}
            | found([rf"self\.init\(\s*{NAME}"], "AgentID/Guard/Replay/ProofMemory.swift", "AgentID/Delegation/ChainVerifier.swift",
                    "AgentID/Guard/ProofVerifier.swift"))


def errors():
    states = {f"agent_{state}" for state in ("suspended", "parked", "deprovisioned")} if any(STATE in text for _, text in texts(*LIBRARY)) else set()
    return found(ERROR, *LIBRARY) | found([rf"\berror\(\s*{NAME}"], "Policy") | found([rf"\berror\(\s*{NAME}"], "AgentID/Platform/Apart.swift") | states


def statuses():
    return found([rf"case \d+: unsafe StaticText\.pointer\({NAME}\)"], "AgentIDC/ErrorABI.swift")


def unexplained():
    """Constructors of errors whose name was not read."""
    wrong = []
    for file, text in texts(*LIBRARY):
        for made in re.finditer(r"\b(?:AgentIDError|Failure)\(\s*(?:status: )?[\w.]+,\s*name: ([^,]+),", text):
            name = made[1].strip()
            if not re.fullmatch(NAME, name) and name not in PASSED_ON and name != STATE:
                wrong.append(f"{file.relative_to(SOURCES)}: an error of the name {name}: teach Tests/Docs/names.py")
        for made in re.finditer(r"\b(?:Denial|JOSEError|ScopeError|TransparencyLogError)\(\s*(?!\")([\w.]+)", text):
            if made[1] not in PASSED_ON | {"reason", "error", "refusal", "expansion", "name", "failure", "denial", "Self.reason", "ofGrant", "ofProof", "proofs.remember", "apart.name"}:
                wrong.append(f"{file.relative_to(SOURCES)}: a denial of the name {made[1]}: teach Tests/Docs/names.py")
    return wrong
