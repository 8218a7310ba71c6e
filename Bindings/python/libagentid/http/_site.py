"""The common core of the servers: a request in, a permit or a refusal out."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from .._abi import E_ARGUMENT, E_LIMIT, E_MALFORMED, lib
from .._call import of_guard
from .._decision import decide, sent
from .._errors import Denied, Error
from .._guard import EnforcementPoint
from .._inputs import counted, of
from .._spans import traced
from ._call import CHAIN_HEADER, INTRODUCTION, MAX_BODY, NONCE_HEADER, PROOF_HEADER, Calls, Refusal, Request, fresh_nonce
from ._metadata import ResourceMetadata
from ._routes import Routes, Tools, calls_of
from ._running import Permit

_log = logging.getLogger("libagentid.http")
_NOT_A_CALL = {E_ARGUMENT, E_MALFORMED, E_LIMIT}

Guards = EnforcementPoint | Callable[[], EnforcementPoint]


class Site:
    """A server's guard, routes and limits."""

    def __init__(self, guard: Guards, routes: Tools, max_body: int, metadata: ResourceMetadata | None) -> None:
        if not callable(guard) and not isinstance(guard, EnforcementPoint):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"guard= is a Guard, or guarding(directory, audience=...), not {type(guard).__name__}")
        if isinstance(max_body, bool) or not isinstance(max_body, int) or max_body < 0:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(f"max_body= is how many bytes a body may have, {MAX_BODY} by itself, not {max_body!r}")
        if metadata is not None:
            of(ResourceMetadata, metadata, "metadata")
        self._now = _always(guard) if isinstance(guard, EnforcementPoint) else guard
        self.max_body, self.metadata = max_body, metadata
        self._calls = calls_of(routes)

    def calls(self, method: str, path: bytes, root: str = "") -> Calls | None:
        """The function that turns a request into a call; None if the route is exempt. Raises `Refusal` for an unnamed route.

        `root`: where the application is mounted, which it leaves out of the path where that begins with it.
        """
        if not isinstance(self._calls, Routes):
            return self._calls
        try:
            found = self._calls.find(method, path.decode(), root)
            return None if found.tool is None else found
        except UnicodeDecodeError:
            raise Refusal(400, "call", "the path is not UTF-8") from None

    def is_here(self, method: str, *paths: str | bytes) -> None:
        """Refuses a request that was sent to more than a path: to a server elsewhere, which a handler could call in turn.

        `paths`: as sent and as the application sees it, where they are known.
        """
        if method == "CONNECT" or any(path and path[:1] not in ("/", b"/") for path in paths):
            raise Refusal(400, "call", "a call is sent to a path, and to no server by name")

    def is_metadata(self, method: str, path: bytes) -> bool:
        """Whether a request asks for the server's metadata."""
        return self.metadata is not None and method == "GET" and path == self.metadata.path.encode()

    def is_introduction(self, method: str, content_type: str | None) -> bool:
        """Whether a request introduces a chain: it is answered here, whatever its path, and no handler gets it."""
        return method == "POST" and content_type == INTRODUCTION

    def introduce(self, chain: bytes) -> None:
        """Verifies a chain that came as a body, so that its reference is known afterwards. Raises `Refusal`, and nothing else."""
        guard = self._guard()
        try:
            guard.admit(chain.decode("latin-1")).close()
        except Exception as error:
            raise self._refusal(error) from None

    def permit(
        self, calls: Calls, request: Request, chains: Sequence[str | bytes], proofs: Sequence[str | bytes]
    ) -> Permit | None:  # fmt: skip
        """Decides a request and begins its call; None for one that needs no guard. Raises `Refusal`, and nothing else."""
        if len(chains) > 1 or len(proofs) > 1:
            raise Refusal(400, "header", f"{CHAIN_HEADER} and {PROOF_HEADER} are sent once")

        try:
            call = calls(request)
            if call is None:
                return None
            given = (*sent(chains[0] if chains else None), *sent(proofs[0] if proofs else None))
            called = (*sent(call.tool), *counted(call.arguments))
            guard = self._guard()
            given = (lib.agentid_guard_authorize, guard._handle, *given, *called)
            permit = Permit(call, traced(call.tool, lambda: of_guard(guard, decide(*given))))
            if call.check is not None:
                _check(call.check, permit)
            return permit
        except Exception as error:
            raise self._refusal(error) from None

    def _guard(self) -> EnforcementPoint:
        """This process's guard. Raises `Refusal`: where it cannot be opened, the server is at fault."""
        try:
            return self._now()
        except Exception as error:
            raise self._undecided(error) from None

    def _refusal(self, error: Exception) -> Refusal:
        """The answer to what a decision raised. It tells the client nothing about a fault of the guard itself."""
        if isinstance(error, Denied):
            answer = Refusal.of(error, None if self.metadata is None else self.metadata.url)
            nonce = fresh_nonce(error, self._guard())
            if nonce is not None:
                answer.headers += ((NONCE_HEADER, nonce),)
            return answer
        if isinstance(error, Refusal):
            return error
        if isinstance(error, Error):
            if error.code in _NOT_A_CALL:
                return Refusal(400, error.name, error.message)
            if error.name == "forked":
                _log.error("the guard was made before this worker was forked: give the middleware guarding(directory, ...)")
        return self._undecided(error)

    def _undecided(self, error: Exception) -> Refusal:
        """The answer where the guard cannot decide: the operator's log has why."""
        _log.error("a request was refused because the guard could not decide", exc_info=error)
        return Refusal(503, "internal", "the guard could not decide")

    def too_long(self, most: int | None = None) -> Refusal:
        """The answer to a body beyond the limit."""
        return Refusal(413, "body", f"a body has at most {self.max_body if most is None else most} bytes")


def _check(check: Callable[[], None], permit: Permit) -> None:
    """Looks at a permitted call once more. Where that refuses it, the call has failed."""
    try:
        check()
    except Refusal as refusal:
        permit.answered(refusal.status)
        raise
    except BaseException as error:
        permit.failed(error)
        raise


def _always(guard: EnforcementPoint) -> Callable[[], EnforcementPoint]:
    return lambda: guard
