"""What is compared with what: for each job, raw libsodium's share of it, our figures, and the peers' nearest figures."""

from dataclasses import dataclass
from typing import Sequence

NATIVE, PYTHON, RAW = "libagentid", "libagentid, Python", "libsodium"


@dataclass(frozen=True)
class Peer:
    """A peer's figure. `group` begins its group, so that a version may follow."""

    label: str
    group: str
    name: str
    differs: str = ""
    """What it leaves out, or does more."""
    counts: bool = True
    """Whether it does the job at all: only then it can be the best peer."""


@dataclass(frozen=True)
class Job:
    key: str
    title: str
    raw: str
    raw_times: int
    raw_label: str
    native: str
    python: str
    peers: Sequence[Peer]


SYMMETRIC = "symmetric: who verifies can forge"


def _links(count: int) -> str:
    return "1 link" if count == 1 else f"{count} links"


def _cold(links: int) -> Job:
    jwt = "EdDSA verify+claims (1 JWT, key object)" if links == 1 else f"EdDSA links={links}: verify {links} separate JWTs"
    return Job(
        f"cold {links}", f"verify a chain never seen: {_links(links)}", f"raw verify, {_links(links)}", 1,
        f"{links} verification{'s' * (links > 1)}", f"cold, {_links(links)}", f"cold, {_links(links)}",
        [
            Peer("biscuit", "biscuit", f"links={links} cold verify+authorize (no pop)", "decides by Datalog too"),
            Peer("agentmesh", "agentmesh", f"links={links} ScopeChain JSON parse+verify", "keys known before"),
            Peer("PyJWT", "PyJWT", jwt, "unrelated tokens, one key known before"),
            Peer("pymacaroons", "pymacaroons", f"links={links} (caveats) deserialize+verify", SYMMETRIC, False),
        ],
    )  # fmt: skip


def _cold_with_proof(links: int) -> Job:
    return Job(
        f"cold {links} + proof", f"the same with a proof, and decide: {_links(links)}", f"raw verify, {_links(links)} + proof", 1,
        f"{links + 1} verifications", f"cold, {_links(links)} + proof", f"cold, {_links(links)} + proof",
        [Peer("tenuo", "tenuo", f"links={links} decode+check_chain+pop (cold)", "no replay memory")],
    )  # fmt: skip


def _cached(links: int) -> Job:
    return Job(
        f"cached {links} + proof", f"a chain seen before, fresh proof, decide: {_links(links)}", "raw verify, proof", 1,
        "1 verification", f"cached, {_links(links)} + proof", f"cached, {_links(links)} + proof",
        [Peer("tenuo", "tenuo", f"links={links} check_chain+pop (parsed)", "verifies the parsed chain anew; no replay memory")],
    )  # fmt: skip


JOBS = [
    Job(
        "issue", "issue a grant", "raw sign", 1, "1 signature", "issue (grant)", "issue (grant)",
        [
            Peer("tenuo", "tenuo", "mint root (2 tools, 3 constraints)", "registers nothing"),
            Peer("biscuit", "biscuit", "mint root", "makes a new key; registers nothing"),
            Peer("PyJWT", "PyJWT", "EdDSA mint", "no scope; registers nothing"),
            Peer("joserfc", "joserfc", "EdDSA mint", "no scope; registers nothing"),
            Peer("agentmesh", "agentmesh", "AgentIdentity.create (keygen+pydantic)", "a new key: signs nothing", False),
            Peer("pymacaroons", "pymacaroons", "mint root", SYMMETRIC, False),
        ],
    ),
    Job(
        "issue both", "issue a grant and a credential", "raw sign", 2, "2 signatures", "issue (grant + credential)",
        "issue (grant + credential)", [],
    ),
    Job(
        "delegate", "delegate", "raw sign", 1, "1 signature", "delegate", "delegate",
        [
            Peer("tenuo", "tenuo", "attenuate one hop"),
            Peer("biscuit", "biscuit", "attenuate one hop (append)", "makes a new key, as its format needs"),
            Peer("agentmesh", "agentmesh", "sign one DelegationLink", "does not look whether it narrows"),
            Peer("pymacaroons", "pymacaroons", "copy + 1 caveat (attenuate)", SYMMETRIC, False),
        ],
    ),
    Job(
        "prove", "prove", "raw sign, proof", 1, "1 signature", "prove", "prove",
        [
            Peer("tenuo", "tenuo", "pop sign", "no audience, no identifier"),
            Peer("agentmesh", "agentmesh", "AgentIdentity.sign", "signs 200 bytes made before", False),
        ],
    ),
    *(_cold(links) for links in (1, 3, 8)),
    *(_cold_with_proof(links) for links in (1, 3, 8)),
    *(_cached(links) for links in (3, 8)),
    Job(
        "in process", "a chain seen before, no proof, decide: 3 links", "raw verify, proof", 1, "1 verification",
        "in process, 3 links", "in process, 3 links",
        [
            Peer("tenuo", "tenuo", "links=3 verify_chain (parsed, no pop)", "verifies the parsed chain anew; decides nothing"),
            Peer("biscuit", "biscuit", "links=3 authorize only (parsed token)"),
            Peer("agent-os", "agent-os", "StatelessKernel.execute async, read_only", "policy alone: no identity, no chain"),
            Peer("agent-os, inside", "agent-os", "_check_policies read_only", "private: a tool's name against a list", False),
            Peer("agentmesh", "agentmesh", "PolicyEngine.evaluate (2 rules)", "policy alone: no identity, no chain"),
            Peer("casbin", "casbin", "enforce, 2 policies", "policy alone: no identity, no chain"),
            Peer("cedarpy", "cedarpy", "is_authorized, pre-parsed PolicySet+Entities", "policy alone: no identity, no chain"),
        ],
    ),
    Job(
        "policy 1", "the same, 1 link, by a policy that counts each call as well: 1 rule", "raw verify, proof", 1,
        "1 verification", "policy: 1 rate", "",
        [
            Peer("agentmesh", "agentmesh", "PolicyEngine.evaluate (2 rules)", "2 rules, no identity; counts nothing"),
            Peer("casbin", "casbin", "enforce, 2 policies", "2 rules, no identity; counts nothing"),
            Peer("cedarpy", "cedarpy", "is_authorized, pre-parsed PolicySet+Entities", "3 rules, no identity; counts nothing"),
        ],
    ),
    Job(
        "policy 100", "the same: 100 rules that all count it", "raw verify, proof", 1, "1 verification", "policy: 100 rates", "",
        [
            Peer("casbin", "casbin", "enforce, 101 policies", "101 rules, of which one matches; counts nothing"),
            Peer("cedarpy", "cedarpy", "is_authorized, pre-parsed, 203 policies", "203 rules; counts nothing"),
        ],
    ),
    Job(
        "recorded", "the same, and write it down: 3 links", "raw verify, proof", 1, "1 verification",
        "in process, audit batch", "in process, audit batch",
        [
            Peer("tenuo", "tenuo", "issue signed receipt (links=3)", "a signed receipt alone: decides and keeps nothing"),
            Peer("agentmesh", "agentmesh", "execute_with_governance (policy+audit hash chain+trust)", "policy, and a list in memory"),
        ],
    ),
]  # fmt: skip

# What rules of a policy add to a decision, in nanoseconds at most: native jobs, taken in the same rounds.
POLICY = [
    ("a policy without rules", "policy: no rule", 5),
    ("100 rates of another tool", "policy: 100 rates of another tool", 5),
    ("a rate", "policy: 1 rate", 60),
    ("100 rates that all count the call", "policy: 100 rates", 1000),
]
NO_POLICY = "policy: none"

# How long a decision takes for one of many agents: the same one each time, and another one each time.
MANY = [10_000, 100_000]

# The lives of agents, from start to end: native jobs of wall time, and how many there are to be in a second at least.
LIVES = [
    ("in memory, 1 thread", "life, in memory, 1 thread", 10_000),
    ("in memory, 8 threads", "life, in memory, 8 threads", 10_000),
    ("in a directory, 1 thread", "life, in a directory, 1 thread", None),
    ("in a directory, 8 threads", "life, in a directory, 8 threads", 5_000),
]

# What is written down of a decision costs beside the same without it: native jobs, taken in the same rounds.
AUDIT = [
    ("in process, no proof", "in process, directory", "in process, audit batch", "in process, audit always"),
    ("with a fresh proof", "proof, directory", "proof, audit batch", "proof, audit always"),
]


@dataclass(frozen=True)
class Aim:
    """An upper bound: of a job's ratio to raw libsodium, or of its microseconds."""

    text: str
    job: str
    most: float
    group: str = NATIVE
    is_ratio: bool = True


AIMS = [
    Aim("issue a grant: at most 2.0 × one signature", "issue", 2.0),
    Aim("delegate: at most 2.0 × one signature", "delegate", 2.0),
    Aim("prove: at most 1.1 × one signature", "prove", 1.1),
    *(Aim(f"cold chain of {_links(d)}: at most 1.15 × raw verifications", f"cold {d}", 1.15) for d in (1, 3, 8)),
    *(Aim(f"cached chain of {d} links with fresh proof: at most 1.15 × one raw", f"cached {d} + proof", 1.15) for d in (3, 8)),
    Aim("cached chain in process: at most 2 µs", "in process", 2, is_ratio=False),
    Aim("cached chain in process, from Python: at most 4 µs", "in process", 4, PYTHON, False),
]

# Of these, two threads are to do at least 1.9 times what one does, in a run in which libsodium does.
DOUBLING = [
    ("in process, no proof", "in process, 3 links"),
    ("in process, no proof, audit `batch`", "in process, audit batch"),
]

THREADS = [
    ("libsodium", RAW, "raw verify, 3 links"),
    ("libagentid: verify a chain never seen, 3 links", NATIVE, "cold, 3 links"),
    ("libagentid: a chain seen before, fresh proof", NATIVE, "cached, 3 links + proof"),
    ("libagentid: a chain seen before, no proof", NATIVE, "in process, 3 links"),
    ("libagentid: a chain seen before, no proof, audit", NATIVE, "in process, audit batch"),
    ("libagentid, Python: verify a chain never seen, 3 links", "libagentid, Python, threads", "cold, 3 links"),
    ("libagentid, Python: a chain seen before, no proof", "libagentid, Python, threads", "in process, 3 links"),
    ("tenuo: parsed chain of 3 links, proof", "threads", "tenuo check_chain+pop links=3 (parsed)"),
    ("biscuit: verify and decide, 1 link", "threads", "biscuit verify+authorize links=1"),
    ("PyJWT: one EdDSA token", "threads", "PyJWT EdDSA decode"),
    ("cedarpy: policy alone", "threads", "cedarpy is_authorized"),
]
