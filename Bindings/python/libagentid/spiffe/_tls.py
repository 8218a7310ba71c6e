"""TLS with X.509-SVIDs on both ends, by the standard library's ssl: a peer that is not verified is never spoken with."""

from __future__ import annotations

import os
import secrets
import socket
import ssl
from collections.abc import Callable, Iterable
from threading import Lock
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from ._bundle import Bundles
from ._id import SVIDError, checked_pattern, matches

if TYPE_CHECKING:
    from ._bundle import Peer
    from ._issuer import X509SVID


class _Verified:
    """An end of a connection that verifies its peer at the end of the handshake, whoever asks for that."""

    peer: Peer | None = None
    """The other end; None before the handshake."""
    peer_chain: tuple[bytes, ...] = ()
    """The certificates that it has shown, as DER."""
    context: ssl.SSLContext

    def do_handshake(self, *args: Any) -> None:
        """Completes the handshake; raises `ssl.SSLCertVerificationError` for a peer that is not whom this end speaks with."""
        super().do_handshake(*args)  # type: ignore[misc]
        context: Any = self.context
        try:
            chain = tuple(_shown(self))
            self.peer, self.peer_chain = context.verify(chain), chain
        except SVIDError as error:
            raise ssl.SSLCertVerificationError(1, f"the peer is refused: {error}") from None


class _Socket(_Verified, ssl.SSLSocket):  # type: ignore[misc]
    pass


class _Object(_Verified, ssl.SSLObject):  # type: ignore[misc]
    # OpenSSL would complete a handshake by itself when something is read or written.
    def read(self, len: int = 1024, buffer: Any = None) -> Any:
        self._require()
        return super().read(len, buffer)

    def write(self, data: Any) -> int:
        self._require()
        return super().write(data)

    def _require(self) -> None:
        if self.peer is None:
            raise ssl.SSLError(1, "do_handshake() comes first: the peer is not verified yet")


class TLS(ssl.SSLContext):
    """A context for TLS 1.3 in which both ends show X.509-SVIDs, each verified by the bundle of its own trust domain.

        server = TLS.server(source.svid, bundles, peers=["spiffe://corp.example/ns/prod/"])
        with server.wrap_socket(accepted, server_side=True) as connection:
            print(connection.peer.spiffe_id)

    Sockets and asyncio alike; safe to use from several threads. `svid`: asked before each handshake, such as a `Source`'s.
    `peers`: whom this end speaks with: SPIFFE IDs, and such as end with a slash, for all below. Names of hosts mean nothing here.
    """

    sslsocket_class = _Socket
    sslobject_class = _Object
    _svid: Callable[[], X509SVID]
    _bundles: Bundles
    _peers: tuple[str, ...]
    _loaded: X509SVID | None = None
    _loading: Lock
    """Held where certificate and key are replaced and where a connection copies them: OpenSSL itself locks neither."""

    @classmethod
    def server(cls, svid: Callable[[], X509SVID], bundles: Bundles, *, peers: Iterable[str]) -> TLS:
        """The context of a server."""
        return cls._made(ssl.PROTOCOL_TLS_SERVER, svid, bundles, peers)

    @classmethod
    def client(cls, svid: Callable[[], X509SVID], bundles: Bundles, *, peers: Iterable[str]) -> TLS:
        """The context of a client."""
        return cls._made(ssl.PROTOCOL_TLS_CLIENT, svid, bundles, peers)

    @classmethod
    def _made(cls, protocol: Any, svid: Callable[[], X509SVID], bundles: Bundles, peers: Iterable[str]) -> TLS:
        made = cls(protocol)
        made.minimum_version = ssl.TLSVersion.TLSv1_3
        made.check_hostname = False
        made.verify_mode = ssl.CERT_REQUIRED
        if protocol == ssl.PROTOCOL_TLS_SERVER:
            made.num_tickets = 0  # each connection is verified by a handshake of its own
        if not callable(svid):
            raise TypeError(f"svid is a function of the present SVID, such as a source's svid, not {type(svid).__name__}")
        if not isinstance(bundles, Bundles):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"bundles is of the type Bundles, not {type(bundles).__name__}")
        if isinstance(peers, str):
            raise TypeError("peers is a list of SPIFFE IDs, not one text")
        made._svid, made._bundles, made._peers = svid, bundles, tuple(checked_pattern(each) for each in peers)
        made._loading = Lock()
        return made

    def verify(self, chain: tuple[bytes, ...]) -> Peer:
        """The holder of a chain of certificates; raises `SVIDError` unless this end speaks with them."""
        peer = self._bundles.verify(chain)
        if not any(matches(pattern, peer.spiffe_id) for pattern in self._peers):
            raise SVIDError("not_a_peer", f"{peer.spiffe_id} is not among those that this end speaks with")
        return peer

    def wrap_socket(
        self, sock: socket.socket, server_side: bool = False, do_handshake_on_connect: bool = True,
        suppress_ragged_eofs: bool = True, server_hostname: str | bytes | None = None, session: ssl.SSLSession | None = None,
    ) -> Any:  # fmt: skip
        """As `ssl.SSLContext.wrap_socket`, with the present SVID; the handshake is never left for later."""
        if not do_handshake_on_connect:
            raise ValueError("do_handshake_on_connect=False would let data through before the peer is verified")
        self._load()
        return super().wrap_socket(sock, server_side, True, suppress_ragged_eofs, server_hostname, session)

    def wrap_bio(self, *args: Any, **kwargs: Any) -> Any:
        """As `ssl.SSLContext.wrap_bio`, with the present SVID: asyncio's way, which completes the handshake first."""
        self._load()
        return super().wrap_bio(*args, **kwargs)

    def _wrap_bio(self, *args: Any, **kwargs: Any) -> Any:
        with self._loading:
            return super()._wrap_bio(*args, **kwargs)  # type: ignore[misc]

    def _wrap_socket(self, *args: Any, **kwargs: Any) -> Any:
        with self._loading:
            return super()._wrap_socket(*args, **kwargs)  # type: ignore[misc]

    def _load(self) -> None:
        """The present SVID and the present authorities. OpenSSL keeps those of old bundles: `verify` does not."""
        svid = self._svid()
        with self._loading:
            for bundle in self._bundles:
                if bundle.authorities:
                    self.load_verify_locations(cadata=bundle.der())
            if svid is not self._loaded:
                self._use(svid)
                self._loaded = svid

    def _use(self, svid: X509SVID) -> None:
        # ssl reads files only: this one is in memory, has no name, and its key is sealed under a password of this moment.
        password = secrets.token_hex(16)
        sealed = svid.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password.encode()))
        descriptor = os.memfd_create("svid", os.MFD_CLOEXEC)
        try:
            with open(descriptor, "wb", closefd=False) as file:
                file.write(svid.pem().encode() + sealed)
            self.load_cert_chain(f"/proc/self/fd/{descriptor}", password=password)
        finally:
            os.close(descriptor)


def _shown(connection: Any) -> Iterable[bytes]:
    """The certificates that a peer has shown, as DER, leaf first."""
    leaf = connection.getpeercert(binary_form=True)
    if leaf is None:
        raise SVIDError("no_peer", "the other end has shown no certificate")
    public: Any = getattr(connection, "get_unverified_chain", None)  # Python 3.13 and later
    if public is not None:
        return list(public())
    inner: Any = getattr(connection._sslobj, "get_unverified_chain", None)
    chain = [each.public_bytes(2) for each in inner() or ()] if inner is not None else []  # 2: DER
    return chain or [leaf]
