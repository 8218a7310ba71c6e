"""A broker's provider for OAuth 2.0 servers with token exchange (RFC 8693): an access token with one resource's scope.

Needs nothing but the standard library. docs/guides/secrets.md is the guide.
"""

from __future__ import annotations

import base64
import http.client
import json
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from threading import Lock, Timer
from typing import Any, NamedTuple, cast
from urllib.parse import quote, urlencode, urlsplit

_ACCESS = "urn:ietf:params:oauth:token-type:access_token"
_LONGEST = 1 << 16
_LONGEST_WAIT = 3600


class Resource(NamedTuple):
    """The rights of a resource's token: the operator's own words; nothing that an agent says goes into a request."""

    scope: str
    audience: str | None = None
    resource: str | None = None


class TokenExchange:
    """Exchanges a broad token that the operator holds for one with a resource's scope. Safe to use from several threads.

    `endpoint`: of the server's tokens, https, or http on this machine. `client`: the client's ID and secret. `subject`: the
    token that is exchanged, or a function from the request (agent, principal, task, resource) to it. `revocation`: the endpoint
    of RFC 7009; with it a token ends when its lease does, else when its own time does. A token that would live longer than the
    lease, or that has another scope, is refused, so that nothing is left of it afterwards even where this process has died.
    `timeout`: seconds, at most an hour, for each address of the server to take the connection, and then for the whole answer.
    """

    def __init__(
        self, endpoint: str, *, client: tuple[str, str], subject: str | Callable[[Mapping[str, Any]], str],
        resources: Mapping[str, Resource], revocation: str | None = None, timeout: float = 10,
    ) -> None:  # fmt: skip
        for url in (endpoint, revocation):
            if url is not None:
                _checked(url)
        if isinstance(timeout, bool) or not isinstance(timeout, int | float):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"timeout is a number of seconds, not {type(timeout).__name__}")
        if not 0 < timeout <= _LONGEST_WAIT:
            raise ValueError(f"timeout is more than 0 and at most {_LONGEST_WAIT} seconds, not {timeout}")
        self._endpoint, self._revocation, self._timeout = endpoint, revocation, timeout
        self._client, self._subject, self._resources = client, subject, dict(resources)
        self._tokens, self._lock = dict[str, list[str]](), Lock()  # several, where a lease was asked for more than once

    @property
    def release_command(self) -> Sequence[str]:
        """Nothing: a process that does not hold the token waits for its end."""
        return []

    def acquire(self, request: Mapping[str, Any]) -> str:
        """An access token; raises `LookupError` for an unknown resource, `ValueError` for what a server should not say."""
        wanted = self._resources.get(request["resource"])
        if wanted is None:
            raise LookupError(f"there is no resource {request['resource']!r}")
        fields = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "requested_token_type": _ACCESS,
            "subject_token": self._subject if isinstance(self._subject, str) else self._subject(request),
            "subject_token_type": _ACCESS, **{name: value for name, value in wanted._asdict().items() if value is not None},
        }  # fmt: skip
        said = self._ask(self._endpoint, fields)
        token = said.get("access_token")
        if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable() or " " in token:
            raise ValueError("the server's answer has no access_token that can be sent")
        with self._lock:
            self._tokens.setdefault(request["lease"], []).append(token)  # from here on it is revoked, whatever follows
        _check(said, wanted, request["ttl"])
        return token

    def release(self, lease: Mapping[str, Any]) -> None:
        """Revokes the lease's tokens; one that this process does not hold ends with its own time."""
        while True:
            with self._lock:
                tokens = self._tokens.get(lease["lease"])
                if not tokens:
                    self._tokens.pop(lease["lease"], None)
                    return
                token = tokens[0]
            if self._revocation is not None:
                self._ask(self._revocation, {"token": token, "token_type_hint": "access_token"})
            with self._lock:
                if token in tokens:  # else another thread has revoked it too
                    tokens.remove(token)

    def _ask(self, url: str, fields: Mapping[str, str]) -> dict[str, Any]:
        identity = ":".join(quote(part, safe="") for part in self._client)  # RFC 6749, 2.3.1
        headers = {"Authorization": "Basic " + base64.b64encode(identity.encode()).decode(), "Accept": "application/json"}
        asked = urllib.request.Request(url, urlencode(fields).encode(), headers)
        limit = _Limit(self._timeout)
        with limit:
            try:
                with limit.opener().open(asked, timeout=self._timeout) as answer:
                    body = answer.read(_LONGEST + 1)
            except urllib.error.HTTPError as error:
                with error:
                    raise ValueError(f"the server answered with {error.code}{_reason(error)}") from None
            except (OSError, http.client.HTTPException) as error:
                kind = "TimeoutError" if limit.is_over else type(error).__name__
                raise ConnectionError(f"the server could not be asked: {kind}") from None
        if limit.is_over:  # an answer without a length ends where its connection does
            raise ConnectionError("the server could not be asked: TimeoutError")
        if len(body) > _LONGEST:
            raise ValueError("the server's answer is too long")
        try:
            said: Any = json.loads(body) if body.strip() else {}
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict):
            raise ValueError("the server's answer is not a JSON object")
        return cast("dict[str, Any]", said)


def _check(said: Mapping[str, Any], wanted: Resource, ttl: int) -> None:
    kind, lives = said.get("token_type"), said.get("expires_in")
    if said.get("issued_token_type") != _ACCESS or not isinstance(kind, str) or kind.lower() != "bearer":
        raise ValueError("the server gave another kind of token than a bearer's access token")
    if isinstance(lives, bool) or not isinstance(lives, int) or lives <= 0:
        raise ValueError("the server does not say how long its token lives: it could outlive the lease")
    if lives > ttl:
        raise ValueError(f"the server's token lives {lives} s, and the lease {ttl}: acquire it for longer, or issue shorter ones")
    given = said.get("scope", wanted.scope)  # RFC 8693, 2.2.1: absent where it is what was asked for
    if not isinstance(given, str) or not set(given.split()) <= set(wanted.scope.split()):
        raise ValueError("the server gave more scope than was asked for")


def _reason(answer: urllib.error.HTTPError) -> str:
    """The server's error code, if it is one: never its text, which may repeat what was sent."""
    try:
        code = json.loads(answer.read(_LONGEST))["error"]
    except (OSError, http.client.HTTPException, ValueError, RecursionError, KeyError, TypeError):
        return ""
    return f" {code}" if isinstance(code, str) and len(code) <= 40 and code.replace("_", "").isalpha() and code.isascii() else ""


def _checked(url: str) -> None:
    parts = urlsplit(url)
    is_here = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if (
        not parts.netloc
        or parts.fragment
        or parts.username
        or not (parts.scheme == "https" or (parts.scheme == "http" and is_here))
    ):
        raise ValueError(f"an endpoint is an https URL, or http on this machine, not {url!r}")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A secret goes nowhere but to the endpoint."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class _Limit:
    """Ends a connection that has not answered in time. A socket's own timeout begins anew with every byte."""

    def __init__(self, seconds: float) -> None:
        self._lock, self._watched = Lock(), list[socket.socket]()
        self._timer, self.is_over = Timer(seconds, self._end), False

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            for watched in self._watched:
                watched.close()
            self._watched.clear()

    def opener(self) -> urllib.request.OpenerDirector:
        """Opens connections that end in time, and follows no redirect. A proxy is sent only what is encrypted."""
        proxies = {scheme: proxy for scheme, proxy in urllib.request.getproxies().items() if scheme == "https"}
        proxied = urllib.request.ProxyHandler(proxies)
        return urllib.request.build_opener(proxied, _NoRedirect, _Plainly(self), _Securely(self))

    def watch(self, made: socket.socket) -> None:
        """Ends this connection too; the time begins with the first."""
        with self._lock:
            self._watched.append(made.dup())  # what is made of it for TLS takes the first away
            if len(self._watched) == 1:
                self._timer.daemon = True
                self._timer.start()

    def _end(self) -> None:
        with self._lock:
            self.is_over = True
            for watched in self._watched:
                with suppress(OSError):  # the server has ended it
                    watched.shutdown(socket.SHUT_RDWR)


class _Plain(http.client.HTTPConnection):
    limit: _Limit

    def __init__(self, *given: Any, limit: _Limit, **options: Any) -> None:
        self.limit = limit
        super().__init__(*given, **options)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "sock" and type(value) is socket.socket:
            self.limit.watch(value)


class _Secure(_Plain, http.client.HTTPSConnection):
    pass


class _Plainly(urllib.request.HTTPHandler):
    def __init__(self, limit: _Limit) -> None:
        super().__init__()
        self._limit = limit

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_Plain, limit=self._limit), req)  # type: ignore[arg-type]


class _Securely(urllib.request.HTTPSHandler):
    def __init__(self, limit: _Limit) -> None:
        super().__init__()
        self._limit = limit

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_Secure, limit=self._limit), req, context=ssl.create_default_context())  # type: ignore[arg-type]
