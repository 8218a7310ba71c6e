"""The Workload API for agents: each has a socket of its own, and who can open that is the agent."""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import token_hex
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import grpc

from ..._errors import Error
from .._bundle import Bundles
from .._id import SVIDError
from .._source import Source
from ._wire import x509_bundles_response, x509_svid_response

if TYPE_CHECKING:
    from typing_extensions import Self

    from ..._identity import Identity
    from .._issuer import Issuer

_SERVICE = "SpiffeWorkloadAPI"
_HEADER = ("workload.spiffe.io", "true")
_STREAMS = 8  # of one agent at once
_CONNECTIONS = 32  # of one agent at once: each is a descriptor of this process, which serves others, and may be the authority's
_LONGEST_PATH = 107  # of a Unix socket's address


class WorkloadAPI:
    """Serves agents their X.509-SVIDs and bundles, over one Unix socket for each. Safe to use from several threads.

    `directory`: where the sockets are; made, or owned by this user and closed to all others (0700). Whoever can open an agent's
    socket gets its SVIDs: give each agent's process its own. `federated`: the bundles of other trust domains that agents get.
    `poll`: the time in seconds after which a stream notices a rotation, or that its agent has ended. JWT-SVIDs are not
    served: the standard does not let them be signed with Ed25519.
    """

    def __init__(
        self, directory: str | os.PathLike[str], issuer: Issuer, *, federated: Bundles | None = None,
        lifetime: int | None = None, poll: float = 1,
    ) -> None:  # fmt: skip
        self._directory, self._issuer, self._poll, self._lifetime = Path(directory).absolute(), issuer, poll, lifetime
        self._federated = Bundles() if federated is None else federated
        self._servers, self._lock = dict[str, tuple[Any, Path, tuple[int, int]]](), Lock()
        self._turns = WeakValueDictionary[str, Lock]()
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = self._directory.lstat()
        if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.geteuid() or stat.S_IMODE(about.st_mode) & 0o077:
            raise PermissionError(f"{self._directory} must be this user's own and closed to others: chmod 700 it")

    def serve(self, agent: Identity) -> str:
        """Serves one agent from now on; the address for its `SPIFFE_ENDPOINT_SOCKET`. Raises `Denied` where it does not act."""
        source, spiffe_id = Source(self._issuer, agent, lifetime=self._lifetime), agent.id
        source.svid()
        path = self._directory / f"{hashlib.sha256(spiffe_id.encode()).hexdigest()[:32]}.sock"
        if len(os.fsencode(path)) > _LONGEST_PATH:
            raise ValueError(f"{path} is longer than the {_LONGEST_PATH} bytes of a socket's address: use a shorter directory")
        with self._turn(spiffe_id):
            if spiffe_id in self._servers:
                raise ValueError(f"{spiffe_id} is served already")
            _clear(path)
            server = grpc.server(
                ThreadPoolExecutor(_STREAMS + 2), maximum_concurrent_rpcs=_STREAMS,
                options=[
                    ("grpc.max_receive_message_length", 16 * 1024), ("grpc.max_metadata_size", 16 * 1024),
                    ("grpc.max_allowed_incoming_connections", _CONNECTIONS), ("grpc.server_handshake_timeout_ms", 10_000),
                ],
            )  # fmt: skip
            server.add_generic_rpc_handlers((_Handlers(source, self._bundles, self._poll),))
            # gRPC removes whatever has the name that it listened at when it stops, which may be another's by then: it gets none.
            made = path.with_name(f".{token_hex(8)}")
            try:
                server.add_insecure_port(f"unix:{made}")
                server.start()
                about = made.lstat()
                os.link(made, path)
            except BaseException:
                server.stop(0)
                raise
            finally:
                made.unlink(missing_ok=True)
            self._servers[spiffe_id] = server, path, (about.st_dev, about.st_ino)
        return f"unix://{path}"

    def stop(self, agent: Identity | str) -> None:
        """Serves an agent no more; harmless where it was not served."""
        spiffe_id = agent if isinstance(agent, str) else agent.id
        with self._turn(spiffe_id):
            if (found := self._servers.pop(spiffe_id, None)) is not None:
                _stop(*found)

    def close(self) -> None:
        """Serves nobody any more."""
        for spiffe_id in list(self._servers):
            self.stop(spiffe_id)

    def _turn(self, spiffe_id: str) -> Lock:
        """Held while an agent's socket is made or removed, by nobody else meanwhile; other agents do not wait for it."""
        with self._lock:
            return self._turns.setdefault(spiffe_id, Lock())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _bundles(self) -> tuple[Any, list[Any]]:
        own = self._issuer.bundle()
        return own, [each for each in self._federated if each.trust_domain != own.trust_domain and each.authorities]


def _stop(server: Any, path: Path, made: tuple[int, int]) -> None:
    server.stop(0).wait(5)
    try:
        about = path.lstat()
        if (about.st_dev, about.st_ino) == made:
            path.unlink()
    except FileNotFoundError:
        pass


def _clear(path: Path) -> None:
    """Removes a socket that a process has left behind; raises where one still serves there."""
    try:
        about = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(about.st_mode):
        raise FileExistsError(f"{path} is not a socket")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise FileExistsError(f"{path} is served by another process")


class _Handlers(grpc.GenericRpcHandler):
    """The calls of one agent's socket."""

    def __init__(self, source: Source, bundles: Callable[[], tuple[Any, list[Any]]], poll: float) -> None:
        self._source, self._bundles, self._poll = source, bundles, poll

    def service(self, handler_call_details: Any) -> Any:
        name = handler_call_details.method
        metadata: Any = getattr(handler_call_details, "invocation_metadata", None)
        if not any(tuple(each) == _HEADER for each in metadata or ()):  # SPIFFE Workload Endpoint, 3
            return _answering(_without_header)
        answers = {f"/{_SERVICE}/FetchX509SVID": self._svid, f"/{_SERVICE}/FetchX509Bundles": self._authorities}
        answer = answers.get(name)
        if answer is None:
            return None  # UNIMPLEMENTED

        def stream(_: bytes, context: Any) -> Iterator[bytes]:
            return self._stream(answer, context)

        return _answering(stream)

    def _svid(self) -> bytes:
        own, federated = self._bundles()
        return x509_svid_response(self._source.svid(), own, federated)

    def _authorities(self) -> bytes:
        self._source.svid()  # only for an agent that acts
        own, federated = self._bundles()
        return x509_bundles_response([own, *federated])

    def _stream(self, answer: Callable[[], bytes], context: Any) -> Iterator[bytes]:
        """An answer now, and again whenever it is another."""
        sent: bytes | None = None
        while context.is_active():
            try:
                now = answer()
            except (Error, SVIDError) as error:
                # SPIFFE Workload API, 6.1: no identity is PERMISSION_DENIED.
                context.abort(grpc.StatusCode.PERMISSION_DENIED, f"this agent gets no SVID: {getattr(error, 'name', 'svid')}")
                return
            if now != sent:
                yield now
                sent = now
            time.sleep(self._poll)


def _answering(stream: Callable[[bytes, Any], Iterator[bytes]]) -> Any:
    """A handler of bytes as received, which answers with a stream of bytes as sent."""
    return grpc.unary_stream_rpc_method_handler(stream)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def _without_header(_: bytes, context: Any) -> Iterator[bytes]:
    context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the header workload.spiffe.io: true is missing")
    yield b""
