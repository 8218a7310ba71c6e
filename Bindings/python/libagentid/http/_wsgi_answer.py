"""The answer of a WSGI application to a permitted request, whose call ends with it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from .._call import within
from ._running import Permit

Start = Callable[..., Any]
App = Callable[[dict[str, Any], Start], Iterable[bytes]]


def begun(app: App, permit: Permit, environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
    """Runs the application within the call. What it answers is whole already, or ends the call once it has been read."""
    answer = _Answer(permit, start_response)
    with answer.runs():
        parts = app(environ, answer.start)
    file = environ.get("wsgi.file_wrapper")  # a server sends these by means of its own, and knows a short list's length
    if isinstance(parts, list | tuple) or (isinstance(file, type) and isinstance(parts, file)):
        answer.ended()
        return parts
    return _Parts(parts, answer)


class _Answer:
    """The part of an answer that says how the call went."""

    def __init__(self, permit: Permit, start_response: Start) -> None:
        self._permit, self._start = permit, start_response
        self._status: int | None = None
        self._rest: int | None = None

    def start(self, status: str, headers: Sequence[tuple[str, str]], *exception: Any) -> Any:
        """The application's `start_response`."""
        self._status = int(status[:3])
        lengths = [value for name, value in headers if name.lower() == "content-length" and value.isdigit()]
        self._rest = int(lengths[0]) if lengths else None
        return self._start(status, headers, *exception)

    @contextmanager
    def runs(self) -> Generator[None]:
        """The application runs within; where it raises, the call has failed."""
        with within(self._permit.running):
            try:
                yield
            except Exception as error:
                self._permit.failed(error)
                raise
            except BaseException:
                self._permit.left()
                raise

    def sends(self, part: bytes) -> None:
        """A part is about to be sent: the call ends before the last one, or before the first of an error."""
        if self._status is not None:
            self._permit.answered(self._status)
        if self._rest is not None:
            self._rest -= len(part)
            if self._rest <= 0:
                self.ended()

    def ended(self) -> None:
        """The answer is whole."""
        if self._status is None:
            self._permit.failed("no answer")
        else:
            self._permit.answered(self._status)
            self._permit.done()

    def left(self) -> None:
        """Nothing more is read."""
        if self._status is not None:
            self._permit.answered(self._status)
        self._permit.left()


class _Parts:
    """The application's iterable, as the server reads it."""

    def __init__(self, parts: Iterable[bytes], answer: _Answer) -> None:
        self._parts, self._answer = parts, answer
        self._next: Iterator[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        is_ended = False
        part = b""
        with self._answer.runs():
            if self._next is None:
                self._next = iter(self._parts)
            try:
                part = next(self._next)
            except StopIteration:
                is_ended = True
        if is_ended:
            self._answer.ended()
            raise StopIteration
        self._answer.sends(part)
        return part

    def close(self) -> None:
        """Called by the server, also where the client has gone."""
        self._answer.left()
        close = getattr(self._parts, "close", None)
        if close is not None:
            close()
