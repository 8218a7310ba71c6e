"""Providers of the broker: an OAuth 2.0 server that exchanges tokens, on this machine, and files."""

import base64
import json
import os
import secrets
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote

import libagentid
import pytest
from libagentid.files import FileProvider
from libagentid.oauth import Resource, TokenExchange
from life import CALL, killed, open_authority, reaped, start, until

ACCESS = "urn:ietf:params:oauth:token-type:access_token"
CLIENT, BROAD = ("bro:ker", "s%cret"), "broad-token"
RESOURCES = {"mail": Resource("mail.read", audience="https://mail.example"), "files": Resource("files.read files.list")}


class Server(ThreadingHTTPServer):
    """A server of RFC 8693 and RFC 7009 that is strict about what it is asked, and does wrong where a test tells it to."""

    def __init__(self):
        self.tokens, self.asked, self.wrong, self.status, self.pause = {}, [], {}, None, 0
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def serves(self, token, scope):
        """What a resource server would say of a token."""
        kept = self.tokens.get(token)
        return bool(kept and kept["until"] > time.time() and scope in kept["scope"].split())

    def answer(self, path, fields, authorization):
        if self.status is not None:
            return self.status, {"error": "temporarily_unavailable", "error_description": str(fields)}
        if authorization != CLIENT:
            return 401, {"error": "invalid_client"}
        if path == "/revoke":
            self.tokens.pop(fields["token"], None)
            return 200, None
        if (
            fields.get("grant_type") != "urn:ietf:params:oauth:grant-type:token-exchange"
            or fields.get("subject_token_type") != ACCESS
        ):
            return 400, {"error": "unsupported_grant_type"}
        if fields.get("subject_token") != BROAD:
            return 400, {"error": "invalid_request"}
        token = secrets.token_urlsafe(24)
        said = {
            "access_token": token,
            "issued_token_type": ACCESS,
            "token_type": "Bearer",
            "expires_in": 30,
            "scope": fields["scope"],
        }
        said.update(self.wrong)
        said = {name: value for name, value in said.items() if value is not None}
        self.tokens[token] = {"scope": said.get("scope", fields["scope"]), "until": time.time() + 30}
        return 200, said


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        fields = {
            name: value for name, (value,) in parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()).items()
        }
        identity = base64.b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode()
        self.server.asked.append((self.path, fields))
        if self.path == "/moved":
            self.send_response(307)
            self.send_header("Location", "/token")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        status, said = self.server.answer(self.path, fields, tuple(unquote(part) for part in identity.split(":")))
        body = b"" if said is None else json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not self.server.pause:
            self.wfile.write(body)
            return
        for byte in body:  # each byte well within the time that a socket waits for one
            self.wfile.write(bytes([byte]))
            time.sleep(self.server.pause)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def exchange(server, **how):
    settings = {
        "client": CLIENT,
        "subject": BROAD,
        "resources": RESOURCES,
        "revocation": server.url + "/revoke",
        "timeout": 5,
        **how,
    }
    return TokenExchange(server.url + "/token", **settings)


@pytest.fixture
def acme():
    with open_authority() as acme:
        yield acme


def acquire(acme, agent, resource="mail", ttl=60):
    return acme.acquire(agent.authorize(*CALL), "oauth", resource, ttl)


def test_a_broad_token_becomes_one_for_a_resource_and_is_revoked_with_its_lease(acme, server):
    acme.add_provider("oauth", exchange(server))
    with start(acme) as agent:
        with acquire(acme, agent) as lease:
            assert server.serves(lease.secret, "mail.read") and lease.secret != BROAD
            assert server.asked[-1][1]["audience"] == "https://mail.example" and "resource" not in server.asked[-1][1]
            token = lease.secret
        assert not server.serves(token, "mail.read")
        acquire(acme, agent, "files")
        assert len(server.tokens) == 1
    until(lambda: server.tokens == {})
    assert not acme.broker_leases()


def test_each_token_of_a_lease_that_was_asked_for_twice_is_revoked(server):
    provider = exchange(server)
    lease = {"lease": "l", "resource": "mail", "ttl": 60}
    assert provider.acquire(lease) != provider.acquire(lease) and len(server.tokens) == 2
    server.status = 503
    with pytest.raises(ValueError, match="503"):
        provider.release(lease)
    server.status = None
    for _ in range(2):  # it may be called twice
        provider.release(lease)
    assert server.tokens == {} and sum(path == "/revoke" for path, _ in server.asked) == 3


def test_the_subject_may_depend_on_for_whom_it_is(acme, server):
    seen = []

    def subject(request):
        seen.append((request["principal"], request["resource"]))
        return BROAD

    acme.add_provider("oauth", exchange(server, subject=subject))
    with start(acme) as agent:
        acquire(acme, agent).release()
    assert seen == [("user:alice@acme.example", "mail")]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"expires_in": 3600}, "lives 3600 s, and the lease 60"), ({"expires_in": None}, "how long"), ({"expires_in": True}, "how long"),
        ({"expires_in": "30"}, "how long"), ({"scope": "mail.read mail.send"}, "more scope"), ({"scope": 7}, "more scope"),
        ({"token_type": "N_A"}, "kind"), ({"issued_token_type": "urn:ietf:params:oauth:token-type:jwt"}, "kind"),
        ({"access_token": None}, "access_token"), ({"access_token": "a b"}, "access_token"), ({"access_token": 7}, "access_token"),
    ],
)  # fmt: skip
def test_a_token_that_is_not_what_was_asked_for_is_refused_and_revoked(acme, server, wrong, said):
    server.wrong = wrong
    acme.add_provider("oauth", exchange(server))
    with start(acme) as agent:
        with pytest.raises(libagentid.StateError) as failed:
            acquire(acme, agent)
        assert failed.value.name == "provider_failed" and said in str(failed.value.__cause__)
        assert "access_token" in wrong or server.tokens == {}
        assert not acme.broker_leases()


def test_a_scope_that_is_left_out_is_the_one_that_was_asked_for(acme, server):
    server.wrong = {"scope": None}
    acme.add_provider("oauth", exchange(server))
    with start(acme) as agent:
        assert server.serves(acquire(acme, agent).secret, "mail.read")


@pytest.mark.parametrize("how", [{"client": ("bro:ker", "wrong")}, {"subject": "another"}])
def test_what_the_server_refuses_is_said_without_a_secret(acme, server, how):
    acme.add_provider("oauth", exchange(server, **how))
    with start(acme) as agent, pytest.raises(libagentid.StateError) as failed:
        acquire(acme, agent)
    cause = str(failed.value.__cause__)
    assert "invalid_" in cause and "another" not in cause and "wrong" not in cause and BROAD not in cause
    assert server.tokens == {}


def test_a_server_that_is_gone_or_redirects_gives_nothing(acme, server):
    moved = TokenExchange(server.url + "/moved", client=CLIENT, subject=BROAD, resources=RESOURCES)
    gone = TokenExchange("http://127.0.0.1:9/token", client=CLIENT, subject=BROAD, resources=RESOURCES)
    with start(acme) as agent:
        for name, provider, said in (("moved", moved, "307"), ("gone", gone, "could not be asked")):
            acme.add_provider(name, provider)
            with pytest.raises(libagentid.StateError) as failed:
                acme.acquire(agent.authorize(*CALL), name, "mail", 60)
            assert said in str(failed.value.__cause__) and BROAD not in str(failed.value.__cause__)
    assert [path for path, _ in server.asked] == ["/moved"] and server.tokens == {}


def test_what_is_not_encrypted_goes_through_no_proxy(server, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, server.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    provider = TokenExchange("http://127.0.0.1:9/token", client=CLIENT, subject=BROAD, resources=RESOURCES)
    with pytest.raises(ConnectionError):
        provider.acquire({"lease": "l", "resource": "mail", "ttl": 60})
    assert server.asked == []


@pytest.mark.parametrize("status", [None, 503])
def test_a_server_that_answers_byte_by_byte_is_not_waited_for(server, status):
    server.pause, server.status = 0.1, status
    with pytest.raises((ConnectionError, ValueError)) as failed:
        exchange(server, timeout=1).acquire({"resource": "mail", "lease": "l", "ttl": 60})
    said = "could not be asked: TimeoutError" if status is None else "answered with 503"
    assert str(failed.value) == f"the server {said}"
    assert len([thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]) == 0


@pytest.mark.parametrize(
    ("timeout", "kind"),
    [(0, ValueError), (-1, ValueError), (float("nan"), ValueError), (float("inf"), ValueError), (3601, ValueError), (None, TypeError),
     (True, TypeError), ("5", TypeError)],
)  # fmt: skip
def test_a_timeout_that_would_bound_nothing_is_refused(timeout, kind):
    with pytest.raises(kind, match="timeout"):
        TokenExchange("https://as.example/token", client=CLIENT, subject=BROAD, resources=RESOURCES, timeout=timeout)


def test_a_revocation_that_fails_is_tried_again(acme, server):
    acme.add_provider("oauth", exchange(server))
    with start(acme) as agent:
        lease = acquire(acme, agent)
        server.status = 503
        with pytest.raises(libagentid.StateError, match="tried again"):
            lease.release()
        assert server.tokens
        server.status = None
        until(lambda: not acme.broker_leases())
    assert server.tokens == {}


def test_a_resource_that_nobody_named_is_not_asked_for(acme, server):
    acme.add_provider("oauth", exchange(server))
    with start(acme) as agent, pytest.raises(libagentid.StateError) as failed:
        acquire(acme, agent, "payroll")
    assert isinstance(failed.value.__cause__, LookupError) and server.asked == []


@pytest.mark.parametrize(
    "url", ["http://as.example/token", "token", "https://user@as.example/", "https://as.example/#x", "ftp://127.0.0.1/"]
)
def test_a_token_is_not_sent_in_the_clear(url):
    with pytest.raises(ValueError, match="https"):
        TokenExchange(url, client=CLIENT, subject=BROAD, resources=RESOURCES)
    with pytest.raises(ValueError, match="https"):
        TokenExchange("https://as.example/token", client=CLIENT, subject=BROAD, resources=RESOURCES, revocation=url)


HOLD = """
from libagentid.files import FileProvider
acme = open_authority(sys.argv[1], lease_duration=1)
acme.add_provider("files", FileProvider(sys.argv[2], ["door"]))
agent = start(acme)
print(json.dumps([agent.id, acme.acquire(agent.authorize(*CALL), "files", "door", 60).secret]))
"""


def test_a_secret_in_a_file_is_good_for_its_resource_until_it_is_released(acme, tmp_path):
    provider = FileProvider(tmp_path / "held", ["door", "gate"])
    acme.add_provider("files", provider)
    with start(acme) as agent:
        with acme.acquire(agent.authorize(*CALL), "files", "door", 60) as lease:
            assert provider.holds(lease.secret, "door")
            assert not provider.holds(lease.secret, "gate") and not provider.holds("x", "door")
            (path,) = (tmp_path / "held").iterdir()
            assert path.stat().st_mode & 0o777 == 0o600
            secret = lease.secret
        assert not provider.holds(secret, "door")
        with pytest.raises(libagentid.StateError):
            acme.acquire(agent.authorize(*CALL), "files", "window", 60)
        with pytest.raises(ValueError):
            provider.release({"lease": "../../etc/passwd"})
        provider.release({"lease": "01a22230-232e-7725-bb1a-021bcd92b166"})
    assert list((tmp_path / "held").iterdir()) == []


def test_a_secret_in_a_file_goes_with_an_agent_whose_process_was_killed(tmp_path):
    _, secret = killed(HOLD, tmp_path / "acme", tmp_path / "held")
    provider = FileProvider(tmp_path / "held", ["door"])
    assert provider.holds(secret, "door")
    with open_authority(tmp_path / "acme") as acme:
        acme.add_provider("files", provider)
        assert reaped(acme, 1)
        until(lambda: not provider.holds(secret, "door"))


def test_the_release_command_removes_a_file_as_the_provider_does(tmp_path):
    provider, lease = FileProvider(tmp_path / "held", ["door"]), {"lease": "01a22230-232e-7725-bb1a-021bcd92b166"}
    secret = provider.acquire({**lease, "resource": "door"})
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for _ in range(2):  # it may be called twice
        subprocess.run(provider.release_command, input=json.dumps(lease), text=True, check=True, env=environment)
        assert not provider.holds(secret, "door")


def test_a_provider_without_a_member_is_refused_by_name(tmp_path):
    class Half:
        release_command = ()

        def acquire(self, request):
            return "secret"

    with open_authority(tmp_path / "acme") as acme:
        with pytest.raises(TypeError, match="has no release$"):
            acme.add_provider("half", Half())
