"""Functions that run in place of handlers: the guard first, then the handler within its call, which ends as that goes."""

# pyright: reportMissingModuleSource=false
from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any

import grpc

from .._call import within
from ..http._call import NONCE_HEADER, Refusal
from ..http._running import Permit

if TYPE_CHECKING:
    from typing_extensions import Self

_CODES = {
    401: grpc.StatusCode.UNAUTHENTICATED, 403: grpc.StatusCode.PERMISSION_DENIED, 428: grpc.StatusCode.FAILED_PRECONDITION,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED, 503: grpc.StatusCode.UNAVAILABLE,
}  # fmt: skip
_NAMES: dict[Any, str] = {key: code.name for code in grpc.StatusCode for key in (code, code.value[0])}
REFUSAL = "agent-refusal"
Decided = Callable[[Any, Any], Permit | Refusal]
"""Decides a request of a context."""


def guarded(inner: Any, decided: Decided, *, is_stream: bool, task: asyncio.Task[Any] | None) -> Any:
    """The function that runs in place of a handler's, and is of the same kind. `task`: that of the request, under grpc.aio."""
    handler = _Handler(inner, decided, task)
    if task is not None and inspect.isasyncgenfunction(inner):
        return handler.streams_async
    if task is not None and inspect.iscoroutinefunction(inner):
        return handler.awaits
    return handler.streams if is_stream else handler.returns


class _Handler:
    """A handler after the guard: a method for each kind of handler."""

    __slots__ = ("_decided", "_inner", "_task")

    def __init__(self, inner: Any, decided: Decided, task: asyncio.Task[Any] | None) -> None:
        self._inner, self._decided, self._task = inner, decided, task

    def returns(self, request: Any, context: Any) -> Any:
        context, ends = self._begun(self._permit(request, context), context)
        with ends:
            answer = self._inner(request, context)
            ends.well()
            return answer

    async def awaits(self, request: Any, context: Any) -> Any:
        context, ends = self._begun(await self._permit_async(request, context), context)
        with ends:
            answer = await self._inner(request, context)
            ends.well()
            return answer

    def streams(self, request: Any, context: Any) -> Iterator[Any]:
        context, ends = self._begun(self._permit(request, context), context)
        with ends:
            answers = iter(self._inner(request, context))
        try:
            while True:
                with ends:  # around each step: a generator shares its context with whatever iterates over it
                    try:
                        answer = next(answers)
                    except StopIteration:
                        ends.well()
                        return
                yield answer
        finally:
            ends.left()
            close = getattr(answers, "close", None)
            if close is not None:
                close()

    async def streams_async(self, request: Any, context: Any) -> AsyncIterator[Any]:
        context, ends = self._begun(await self._permit_async(request, context), context)
        with ends:
            answers = self._inner(request, context)
        try:
            while True:
                with ends:
                    try:
                        answer = await anext(answers)
                    except StopAsyncIteration:
                        ends.well()
                        return
                yield answer
        finally:
            ends.left()
            await answers.aclose()

    def _permit(self, request: Any, context: Any) -> Permit:
        found = self._decided(request, context)
        if isinstance(found, Refusal):
            context.set_trailing_metadata(_said(found))
            context.abort(_code(found), found.message)
            raise found  # not reached: abort raises
        return found

    async def _permit_async(self, request: Any, context: Any) -> Permit:
        found = self._decided(request, context)
        if isinstance(found, Refusal):
            await context.abort(_code(found), found.message, _said(found))
            raise found  # not reached: abort raises
        return found

    def _begun(self, permit: Permit, context: Any) -> tuple[Any, _Ends]:
        """The handler's context, and what ends the call."""
        context = context if self._task is None else _Context(context, permit, self._task)
        return context, _Ends(permit, context)


class _Ends:
    """The call of a request: the current one within its blocks, and ended where one of them raises."""

    __slots__ = ("_context", "_permit", "_within")

    def __init__(self, permit: Permit, context: Any) -> None:
        self._permit, self._context = permit, context

    def __enter__(self) -> Self:
        self._within = within(self._permit.running)
        self._within.__enter__()
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._within.__exit__()
        if isinstance(error, Exception) and not self._is_gone():
            self._permit.failed(self._failure() or error)
        elif error is not None:
            self._permit.left()  # a client can have a handler cancelled, or fail: what has begun then counts

    def well(self) -> None:
        """The handler has answered to the end."""
        failure = self._failure()
        if failure is None:
            self._permit.done()
        else:
            self._permit.left() if self._is_gone() else self._permit.failed(failure)

    def left(self) -> None:
        """Nothing more is asked of the handler."""
        self._permit.left()

    def _is_gone(self) -> bool:
        """Whether the client has cancelled, or wanted an answer by now: what fails then may have been made to."""
        return not self._context.is_active()

    def _failure(self) -> str | None:
        """The code that the handler has set, unless that is OK."""
        code = self._context.code()
        return None if code in (None, 0, grpc.StatusCode.OK) else f"code {_NAMES.get(code, code)}"


class _Context:
    """The context of a handler that grpc.aio runs. To abort there answers the client at once, so it ends the call before.

    One of a plain function has codes set, and cannot be asked for them.
    """

    def __init__(self, context: Any, permit: Permit, task: asyncio.Task[Any]) -> None:
        self._context, self._permit, self._code, self._task = context, permit, None, task

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def is_active(self) -> bool:
        """As under grpc. A client that cancels has the task of its request cancelled, which the context does not show."""
        task: Any = self._task
        rest = self._context.time_remaining()
        is_cancelled = bool(task.done() or (hasattr(task, "cancelling") and task.cancelling() > 0))  # Python 3.11 on
        return not is_cancelled and (rest is None or rest > 0)

    def code(self) -> Any:
        return self._context.code() if hasattr(self._context, "code") else self._code

    def set_code(self, code: Any) -> None:
        self._code = code
        self._context.set_code(code)

    def abort(self, code: Any, *details: Any, **named: Any) -> Any:
        self._permit.failed(f"code {_NAMES.get(code, code)}") if self.is_active() else self._permit.left()
        return self._context.abort(code, *details, **named)


def _code(refusal: Refusal) -> grpc.StatusCode:
    return _CODES.get(refusal.status, grpc.StatusCode.INVALID_ARGUMENT)


def _said(refusal: Refusal) -> tuple[tuple[str, str], ...]:
    """A refusal as trailing metadata: as HTTP answers it, JSON."""
    nonces = [(name.lower(), value) for name, value in refusal.headers if name == NONCE_HEADER]
    return ((REFUSAL, json.dumps(json.loads(refusal.body()))), *nonces)
