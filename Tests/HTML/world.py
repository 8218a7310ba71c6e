"""What the pages are made of: an authority with agents, chains as people make them, and chains as attackers do."""
import base64
import json
import pathlib
import sqlite3
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests/CommandLine"))
from harness import PROGRAM, check, ctl, end  # noqa: E402, F401

MARKUP = "</b><script>document.title='run'</script><img src=x onerror=\"document.title='run'\">&amp;\"'><style>*{color:red}</style>"
BIDI = "safe\u202egnp.live\u2066\u2069\u200b\x1b[2J\x00\u2028\u3164\u00ad\U000e0041"
LONG = "W" * 10_000
MARKS = "e" + "\u0301" * 500


class World:
    """An authority in a directory, with the profile `researcher` and a chain of three."""

    ROOT_LIFE, READER_LIFE, SCANNER_LIFE = 3600, 1800, 600

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.here = ["--authority", str(self.directory / "acme")]
        ctl("init", *self.here, "acme.example")
        ctl("profile", "put", "researcher", *self.here, "--owner", "team:research@acme.example", "--ceiling",
            "read_file(path under '/data'); search(query: *, limit <= 100); query; "
            "send_mail(to like '*@acme.example', subject: *); transfer(amount decimal <= '500', to in ['acct-1','acct-2'])")
        self.root = self.agent(
            "analyst", "read_file(path under '/data/q3'); search(query: *, limit <= 100); query; "
            "send_mail(to like '*@acme.example', subject: *); transfer(amount decimal <= '500', to in ['acct-1','acct-2'])",
            "--intent", "Summarise the third quarter and mail me what stands out", lifetime=self.ROOT_LIFE)
        self.reader = self.delegate("analyst", "reader", self.READER_LIFE, "read_file(path under '/data/q3/public'); "
                                    "search(query: *, limit <= 20); query(table == 'revenue'); "
                                    "send_mail(to in ['alice@acme.example'], subject: *)")
        self.scanner = self.delegate("reader", "scanner", self.SCANNER_LIFE, "read_file(path under '/data/q3/public'); "
                                     "search(query: *, limit <= 20)")

    def path(self, name):
        return str(self.directory / name)

    def agent(self, name, scope, *more, task="Q3 review", principal="user:alice@acme.example", lifetime=3600):
        return ctl("agent", *self.here, "--profile", "researcher", "--principal", principal, "--task", task, "--scope", scope,
                   "--lifetime", str(lifetime), "--out", self.path(name), *more).strip()

    def delegate(self, parent, name, lifetime, scope):
        return ctl("delegate", "--agent", self.path(parent), "--name", name, "--out", self.path(name), "--lifetime",
                   str(lifetime), "--scope", scope).strip()

    def write(self, name, html):
        """Keeps a page; its address."""
        path = self.directory / name
        path.write_text(html)
        return path.as_uri()

    def populate(self, agents):
        """Registers agents behind the library's back: (id, parent, task, principal, state, lease in seconds)."""
        now = int(time.time())
        with sqlite3.connect(self.here[1] + "/registry.db") as db:
            for agent, parent, task, principal, state, lease in agents:
                ended = (now - 150, "the review is done") if state == "deprovisioned" else (None, None)
                db.execute("INSERT INTO agents (id, parent, profile, owner, principal, task, key, state, created, ended, end_reason) "
                           "VALUES (?, ?, 'researcher', 'team:research@acme.example', ?, ?, 'key', ?, ?, ?, ?)",
                           (agent, parent, principal, task, state, now - 300, *ended))
                if state != "deprovisioned":
                    db.execute("INSERT INTO grants (jti, agent, chain, issued, expires) VALUES (?, ?, '', ?, ?)",
                               (f"grant of {agent}", agent, now - 300, now + 3600))
                if lease is not None:
                    db.execute("INSERT INTO leases (agent, expires, renewed, holder) VALUES (?, ?, ?, '1:1')", (agent, (now + lease) * 1000, now * 1000))
        db.close()

    def child(self, parent, name, number, task="Q3 review", state="active", lease=290, principal="user:alice@acme.example"):
        agent = f"{parent}/{name}/01a20b79-a7f8-792d-92ce-{number:012x}"
        self.populate([(agent, parent, task, principal, state, lease)])
        return agent


def unsigned(*links):
    """A chain that says what it likes: (claims of `urn:agentid:1`, tools, further claims) each; no signature is one."""
    def part(value):
        return base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).rstrip(b"=")

    def token(i, claim, tools, more):
        now = int(time.time())
        payload = {"jti": f"grant-{i}", "iat": now, "exp": now + 3600, "del_depth": i, "del_max_depth": 4, "urn:agentid:1": claim,
                   "authorization_details": [{"type": "attenuating_agent_token", "tools": tools}], **more}
        return b".".join([part({"alg": "Ed25519", "typ": "aat+jwt"}), part(payload), part(bytes(64))])

    return b"~".join(token(i, *link) for i, link in enumerate(links))
