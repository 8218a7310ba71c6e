"""Secrets for guarded tools: the providers that make them, and the leases that hold them."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Mapping, Sequence
from ctypes import byref
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

import libagentid._abi as _abi
import libagentid._callbacks as _callbacks

from ._calling import call, copied, text
from ._decision import Decision
from ._errors import Error
from ._inputs import length, of, option, pair, texts

if TYPE_CHECKING:
    from datetime import timedelta

    from typing_extensions import Self

    from .types import SecretLease, SecretRequest


class Provider(Protocol):
    """Makes and takes back secrets. Called from any thread, and possibly twice for one lease."""

    @property
    def release_command(self) -> Sequence[str]:
        """The command that releases a lease in a process that has no such provider: a program and its arguments, or nothing."""
        ...

    def acquire(self, request: SecretRequest, /) -> str:
        """Makes a secret for a request: lease, agent, resource, ttl in seconds, domain, task, principal.

        At most 16,384 bytes as UTF-8, and not empty. If it raises, `release` is called for the lease.
        """
        ...

    def release(self, lease: SecretLease, /) -> None:
        """Removes everything of a lease (lease, agent, resource), even one that was never acquired."""
        ...


class Broker(Protocol):
    """An authority, or a guard."""

    def release(self, lease: str, /) -> None: ...


class Lease:
    """A secret for one permitted call. Returned when the `with` block ends."""

    def __init__(self, broker: Broker, id: str, secret: str) -> None:
        self._broker, self.id = broker, id
        self._secret: str | None = secret

    @property
    def secret(self) -> str:
        """The secret; raises `ValueError` once it was returned."""
        if self._secret is None:
            raise ValueError("the secret was returned: acquire another for another call")
        return self._secret

    def release(self) -> None:
        """Returns the secret; harmless if it was returned already."""
        self._secret = None
        self._broker.release(self.id)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a lease stays in its process: hand on its secret")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        try:
            self.release()
        except Error:
            raise
        except BaseException:  # an interrupt, after which nobody returns the secret
            _give_back(self._broker, self.id)
            raise

    def __repr__(self) -> str:
        return f"Lease({self.id!r})"


def acquired(
    function: Any, broker: Any, decision: Decision, provider: str, resource: str, ttl: int | timedelta
) -> Lease:  # fmt: skip
    """The lease that a broker's function gives."""
    seconds = length(ttl, "ttl")
    name, secret = _abi.Bytes(), _abi.Bytes()
    of(Decision, decision, "decision")
    given = (*pair(provider, "provider"), *pair(resource, "resource"), seconds)
    lease = None
    try:
        call(function, broker._handle, decision, *given, byref(name), byref(secret))
        lease = Lease(broker, copied(name), text(secret))
        text(name)
        return lease
    except BaseException:  # also an interrupt, after which nobody else knows of the secret
        if lease or name.len:
            _give_back(broker, lease.id if lease else copied(name))
        text(name)
        text(secret)
        raise


def _give_back(broker: Broker, lease: str) -> None:
    try:
        broker.release(lease)
    except Error as error:  # what interrupted it goes on; the broker tries again
        _callbacks.log("a secret that nobody waited for was not returned", error=error)


def whole(provider: object) -> None:
    """Raises TypeError for a provider that lacks a member."""
    if isinstance(provider, type):
        raise TypeError(f"a provider is an object, {provider.__name__}(...), not its class")
    for member in ("acquire", "release", "release_command"):
        if not hasattr(provider, member):
            raise TypeError(f"a provider has acquire(request), release(lease) and release_command: {provider!r} has no {member}")
        if member != "release_command":
            _callbacks.function(getattr(provider, member), f"provider.{member}")


def provider_struct(provider: Provider, resources: Mapping[str, str] | None = None) -> Any:
    """The struct for a provider."""

    def acquire(request: Any, length: int, secret: int, capacity: int, count: Any, _: int | None) -> int:
        try:
            asked = json.loads(ctypes.string_at(request, length))
            made = _callbacks.typed(provider.acquire(asked), str, "provider.acquire", "the secret as a str").encode()
            if len(made) > capacity:
                raise ValueError(f"a secret has at most {capacity} bytes")
            ctypes.memmove(secret, made, len(made))
            count[0] = len(made)
            return _abi.CALLBACK_OK
        except BaseException as error:
            _callbacks.record(error)
            return _abi.CALLBACK_FAILED

    def release(lease: Any, length: int, _: int | None) -> int:
        try:
            _callbacks.finished(provider.release(json.loads(ctypes.string_at(lease, length))))
            return _abi.CALLBACK_OK
        except BaseException as error:
            _callbacks.log("a secret was not returned, it is tried again")
            if not isinstance(error, Exception):
                _callbacks.record(error)
            return _abi.CALLBACK_FAILED

    called = (_abi.ACQUIRE(_callbacks.callback(acquire)), _abi.RUN_HOOK(_callbacks.callback(release)))
    whole(provider)
    command = texts(provider.release_command, "release_command")
    return byref(
        _abi.Provider(
            acquire=called[0],
            release=called[1],
            release_command=command,
            resources=None if resources is None else option(json.dumps(dict(of(Mapping, resources, "resources"))), "resources"),
            release_data=_callbacks.RELEASE,
            user_data=_callbacks.keep(*called),
        )
    )
