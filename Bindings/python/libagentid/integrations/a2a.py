"""A2A: every request of an agent's server decided by its guard, every request of a client proved as the current agent.

    handler = guard_handler(DefaultRequestHandler(...), Guard.open_directory("./acme", audience="a2a://writer"))  # the server

    client = factory.create(card, interceptors=[AgentInterceptor(audience="a2a://writer")])                     # the client
    with acme.agent("researcher", principal=..., task=..., scope="a2a/send_message(message: *, configuration?: *)"):
        async for event in client.send_message(request): ...

For `a2a-sdk` 1.x, JSON-RPC, REST and gRPC alike: chain and proof are headers or metadata. A request is the tool `a2a/` and the
method's name, its arguments are the message's fields. Put the interceptor last: what it proves is then what is sent.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any

from . import needs

VERSION = needs("a2a-sdk", "1.0", "a2a")

from a2a.auth.user import User  # noqa: E402
from a2a.client.client import ClientCallContext  # noqa: E402
from a2a.client.interceptors import AfterArgs, BeforeArgs, ClientCallInterceptor  # noqa: E402
from a2a.server.request_handlers.request_handler import RequestHandler  # noqa: E402
from a2a.utils.errors import InternalError, InvalidParamsError, InvalidRequestError  # noqa: E402

from .._decision import arguments  # noqa: E402
from .._errors import Denied, Error  # noqa: E402
from .._guard import EnforcementPoint  # noqa: E402
from .._protobuf import NotArguments, known_fields  # noqa: E402
from ..http._call import CHAIN_HEADER, PROOF_HEADER  # noqa: E402
from ..http._call import Call as Requested  # noqa: E402
from ..http._client import Presenter  # noqa: E402
from ..tools import Call, authorize, refusal  # noqa: E402

if TYPE_CHECKING:
    from .._decision import Decision
    from .._identity import Identity

__all__ = ["AgentInterceptor", "AgentUser", "guard_handler"]

_log = logging.getLogger("libagentid.integrations.a2a")
_CLIENT = {"send_message_streaming": "send_message", "subscribe": "subscribe_to_task"}


def _tool(method: str) -> str:
    return f"a2a/{_CLIENT.get(method, method)}"


class AgentInterceptor(ClientCallInterceptor):
    """Proves each request as `agent`, by itself the `current_agent()`: without one it raises `LookupError`, and nothing is sent.

    `audience`: the name of the server's guard. `tenant`: of the interface in the server's card, if it has one.
    """

    def __init__(self, agent: Identity | None = None, *, audience: str, tenant: str = "") -> None:
        self._presenter, self._tenant = Presenter(agent, audience=audience), tenant

    async def before(self, args: BeforeArgs) -> None:
        """Called by the client."""
        if self._tenant and not args.input.tenant:
            args.input.tenant = self._tenant
        call = Requested(_tool(args.method), arguments(known_fields(args.input)))
        given = args.context or ClientCallContext()
        sent = {**(given.service_parameters or {}), **self._presenter.of(call).headers(is_whole=True)}
        args.context = given.model_copy(update={"service_parameters": sent})

    async def after(self, args: AfterArgs) -> None:
        """Called by the client."""


class AgentUser(User):
    """Whose request it is, for the server's own code: `context.call_context.user` in an executor.

    `agent`: its ID, or `key:` and its key's thumbprint where its grant names none. `principal`: as the trust domain `domain`
    says, which has authority over its own agents alone; None where the chain names none.
    """

    def __init__(self, decision: Decision, by_principal: bool) -> None:
        document: Any = decision.document
        root, leaf, issuer = document["chain"][0], document["chain"][-1], document["issuer"]
        self.agent: str = leaf.get("agent") or f"key:{leaf['key']}"
        self.principal: str | None = root.get("principal")
        self.domain: str = issuer.get("domain") or issuer["iss"]
        self.decision = decision
        # Another domain may name the principal of one's own: it is a principal of that domain then.
        self._name = f"{self.domain} {self.principal}" if by_principal and self.principal is not None else self.agent

    @property
    def is_authenticated(self) -> bool:
        """True: there is one only where the guard permitted the request."""
        return True

    @property
    def user_name(self) -> str:
        """The name that tasks belong to."""
        return self._name


_Guards = EnforcementPoint | Callable[[], EnforcementPoint]


def guard_handler(handler: RequestHandler, guard: _Guards, *, by_principal: bool = False) -> RequestHandler:
    """A handler that has a guard decide each request before `handler` sees it; give it to the routes, and nothing else.

    The request's user is then an `AgentUser`, so that tasks belong to the agent that sent them, or `by_principal` to its
    principal, as its trust domain names them. A denial is an `InvalidRequestError` that says which rule.

    `guard`: a `Guard` with an `audience`, or `libagentid.http.guarding(directory, audience=...)`, which makes one in each worker
    that is forked.
    """
    if not callable(guard) and not isinstance(guard, EnforcementPoint):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"guard is a Guard, or guarding(directory, audience=...), not {type(guard).__name__}")
    if isinstance(handler, _Guarded):
        raise ValueError("this handler has a guard already")
    return _Guarded(handler, guard, by_principal)


def _unary(method: str, tool: str = "") -> Any:
    tool = tool or method.removeprefix("on_")

    async def guarded(self: _Guarded, params: Any, context: Any) -> Any:
        with self.permitted(tool, params, context):
            return await getattr(self.handler, method)(params, context)

    return guarded


def _stream(method: str, tool: str = "") -> Any:
    tool = tool or method.removeprefix("on_")

    async def guarded(self: _Guarded, params: Any, context: Any) -> AsyncGenerator[Any, None]:
        with self.permitted(tool, params, context):
            events = getattr(self.handler, method)(params, context)
            try:
                async for event in events:
                    yield event
            finally:
                await events.aclose()

    return guarded


class _Guarded(RequestHandler):
    """A method that a later version of the package adds is abstract here: then none can be made."""

    def __init__(self, handler: RequestHandler, guard: _Guards, by_principal: bool) -> None:
        self.handler, self._now, self._by_principal = handler, guard, by_principal

    def _guard(self) -> Any:
        """The guard of this process."""
        try:
            return self._now if isinstance(self._now, EnforcementPoint) else self._now()
        except Exception:
            _log.exception("a request was refused because the guard could not be opened")
            raise InternalError("the guard could not decide") from None

    def permitted(self, tool: str, params: Any, context: Any) -> Call:
        """Permits a request, or raises the error that answers it."""
        guard = self._guard()
        try:
            call = authorize(f"a2a/{tool}", known_fields(params), guard=guard, presented=_shown(context.state))
            context.user = AgentUser(call.decision, self._by_principal)
        except Denied as denied:
            data = {"reason": denied.name, "category": denied.category, "argument": denied.argument or ""}
            raise InvalidRequestError(refusal(denied), data=data) from None
        except Error as error:
            raise InvalidParamsError(f"this cannot be decided: {error.message}") from None
        except NotArguments as error:
            raise InvalidParamsError(f"this cannot be decided: {error}") from None
        except Exception:
            _log.exception("a request was refused because the guard could not decide")
            raise InternalError("the guard could not decide") from None
        return call

    on_message_send = _unary("on_message_send", "send_message")
    on_message_send_stream = _stream("on_message_send_stream", "send_message")
    on_subscribe_to_task = _stream("on_subscribe_to_task")
    on_get_task = _unary("on_get_task")
    on_list_tasks = _unary("on_list_tasks")
    on_cancel_task = _unary("on_cancel_task")
    on_get_extended_agent_card = _unary("on_get_extended_agent_card")
    on_create_task_push_notification_config = _unary("on_create_task_push_notification_config")
    on_get_task_push_notification_config = _unary("on_get_task_push_notification_config")
    on_list_task_push_notification_configs = _unary("on_list_task_push_notification_configs")
    on_delete_task_push_notification_config = _unary("on_delete_task_push_notification_config")


def _shown(state: Any) -> tuple[Any, Any]:
    """The chain and the proof as received, over HTTP or gRPC; None for a missing one."""
    found: Any = state.get("headers")
    if "grpc_context" in state:
        found = {}
        for name, value in state["grpc_context"].invocation_metadata() or ():
            found[name] = value if name not in found else b"\xff"  # one that was sent twice is denied
    found = {str(name).lower(): value for name, value in (found or {}).items()}
    return found.get(CHAIN_HEADER.lower()), found.get(PROOF_HEADER.lower())
