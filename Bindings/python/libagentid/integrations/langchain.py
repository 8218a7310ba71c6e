"""LangChain 1.x and LangGraph: every tool call of a graph is decided, a sub-agent is narrower, a pause parks.

    agent = create_agent(model, tools, middleware=[Guarded()])
    with acme.agent("researcher", principal=..., task=..., scope=...):
        agent.invoke({"messages": [...]})

Or `ToolNode(tools, wrap_tool_call=g.wrap_tool_call, awrap_tool_call=g.awrap_tool_call)` with `g = Guarded()`. Put it last among
the middleware: a call that is changed or made again after it was decided is an error. Tools of MCP servers are tools like others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import uuid4

from .._current import current_agent
from .._errors import Denied
from ..tools import NotGuarded, SubAgents, acting, authorize, decided, defaulted, permitted, plain, refusal
from ..tools._call import same_json
from ..tools._recent import Recent
from . import named, needs

VERSION = needs("langchain", "1.0", "langchain")

from langchain.agents.middleware import AgentMiddleware, AgentState  # noqa: E402
from langchain.agents.middleware.types import PrivateStateAttr  # noqa: E402
from langchain_core.callbacks import BaseCallbackHandler  # noqa: E402
from langchain_core.messages import ToolMessage  # noqa: E402
from langchain_core.tracers.context import register_configure_hook  # noqa: E402
from langgraph.errors import GraphBubbleUp  # noqa: E402
from pydantic import BaseModel, create_model  # noqa: E402
from typing_extensions import Annotated, NotRequired  # noqa: E402, UP035

if TYPE_CHECKING:
    from .._agent import Agent


class _Watch(BaseCallbackHandler):
    """Within a guarded run, lets no tool start that no guard has decided: a sub-agent without one is an error."""

    raise_error = True
    run_inline = True

    def on_tool_start(self, serialized: Any, input_str: str, **more: Any) -> None:
        name, call = (serialized or {}).get("name") or more.get("name") or "", decided()
        if call is None or call.tool != name:
            raise NotGuarded(f"nothing guards the tool {name}, which was started inside a guarded run: give its agent Guarded()")
        if not call.begin(name) or not _is_as_decided(call, more.get("inputs")):
            raise NotGuarded(
                f"{name} is called again, or with other arguments, after it was decided: put Guarded() last among the middleware"
            )

    def on_tool_error(self, error: BaseException, **more: Any) -> None:
        """Middleware after the guard may make an answer of it."""
        call = decided()
        if call is not None and not isinstance(error, call.pauses):
            call.failed(error)


WATCH = _Watch()
_watched: ContextVar[_Watch | None] = ContextVar("agentid.langchain", default=None)
_Asked: TypeAlias = "tuple[Any, frozenset[str], frozenset[str]]"
_NOTHING: _Asked = (None, frozenset(), frozenset())
_given: ContextVar[tuple[dict[str, Any], _Asked]] = ContextVar("agentid.langchain.given", default=({}, _NOTHING))
register_configure_hook(_watched, inheritable=True)


def _asked(tool: Any) -> _Asked:
    """The schema of a tool's arguments, or the Pydantic model by which it reads them; the names of those that a model may give,
    and of those that the framework puts in."""
    model = tool.args_schema
    if isinstance(model, dict):
        return model, frozenset(model.get("properties") or ()), frozenset()
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return {"properties": tool.args}, frozenset(tool.args), frozenset()
    shown = tool.tool_call_schema.model_fields.keys()
    put_in: Any = {name: (Any, None) for name in model.model_fields if name not in shown}
    names = {each for name in shown for each in _names(name, model.model_fields[name])}
    read = create_model(model.__name__, __base__=model, **put_in) if put_in else model
    return read, frozenset(names), frozenset(put_in)


def _names(name: str, field: Any) -> set[str]:
    """The names under which Pydantic reads a field."""
    said = field.validation_alias
    paths = [getattr(each, "path", [each])[0] for each in getattr(said, "choices", [said])]
    return {each for each in (name, field.alias, *paths) if isinstance(each, str)}


def _is_as_decided(call: Any, inputs: dict[str, Any] | None) -> bool:
    """Whether a tool starts with the arguments that were decided: those that the model gave, or others that are read the same.

    What is read anew each time cannot be compared.
    """
    if inputs is None:
        return True
    given, asked = _given.get()
    _, names, put_in = asked
    decided = {name: value for name, value in given.items() if name not in put_in}
    # What has another name was put in by the framework.
    known = {*given, *call.arguments, *names} - put_in
    try:
        starts = plain({name: value for name, value in inputs.items() if name in known})
        if same_json(starts, decided):
            return True
        read = _read(starts, asked)
    except TypeError:
        return False
    return not getattr(read, "unknown", ()) and call.is_of(read)


def _read(given: dict[str, Any], asked: _Asked) -> dict[str, Any]:
    """Arguments as the tool reads them: LangChain drops what Pydantic has for a function with stars."""
    made = defaulted(given, asked[0])
    for name in {"args", "kwargs"} - given.keys() if isinstance(asked[0], type) else ():
        made.pop(name, None)
    return made


@contextmanager
def _watching(given: tuple[dict[str, Any], _Asked]) -> Generator[None]:
    before, outer = _watched.set(WATCH), _given.set(given)
    try:
        yield
    finally:
        _watched.reset(before)
        _given.reset(outer)


def _says_it_failed(result: Any) -> bool:
    return getattr(result, "status", None) == "error"


def _run(state: Any) -> str:
    return state.get("agentid_run", "") if isinstance(state, dict) else ""


class _State(AgentState[Any]):
    agentid_run: NotRequired[Annotated[str, PrivateStateAttr]]  # pyright: ignore[reportInvalidTypeForm]


class Guarded(AgentMiddleware[Any, Any, Any]):
    """Decides each tool call as the current agent, and shows the model only the tools that this agent may call.

    A graph that runs inside a tool of a guarded graph, or one with `name`, has a sub-agent of its own: with what its parent may
    do of its own tools, ended with the run. A call that is resumed after an interrupt is decided anew.
    """

    state_schema = _State

    def __init__(self, name: str | None = None) -> None:
        super().__init__()
        named(name)
        self._name = name
        self._runs = SubAgents()
        self._tools = Recent[str, "tuple[str, ...]"]()  # of each run's graph: several may share this, and some runs fail
        self._schemas = Recent[int, "tuple[Any, _Asked]"]()  # with the tool, whose number is nobody else's meanwhile

    def before_agent(self, state: Any, runtime: Any) -> dict[str, Any]:
        return {"agentid_run": uuid4().hex}

    def after_agent(self, state: Any, runtime: Any) -> None:
        run = state.get("agentid_run")
        self._tools.forget(lambda key: key == run)
        self._runs.end(run)

    def wrap_model_call(self, request: Any, handler: Any) -> Any:
        return handler(self._shown(request))

    async def awrap_model_call(self, request: Any, handler: Any) -> Any:
        return await handler(await asyncio.to_thread(self._shown, request))

    def wrap_tool_call(self, request: Any, handler: Any) -> Any:
        with acting(self._agent(request.state, (request.tool_call["name"],))):
            try:
                call, given = self._decided(request)
            except Denied as denied:
                return self._refused(denied, request)
            with _watching(given), call:
                return call.answered(handler(request), _says_it_failed)

    async def awrap_tool_call(self, request: Any, handler: Any) -> Any:
        with acting(await asyncio.to_thread(self._agent, request.state, (request.tool_call["name"],))):
            try:
                call, given = self._decided(request)
            except Denied as denied:
                return self._refused(denied, request)
            with _watching(given), call:
                return call.answered(await handler(request), _says_it_failed)

    def _agent(self, state: Any, tools: tuple[str, ...]) -> Agent:
        """The agent of this run: the current one, or one below it with this graph's own tools."""
        above = current_agent()
        if self._name is None and _watched.get() is None:
            return above
        run = _run(state)
        return self._runs.agent(run, self._name or "sub-agent", self._tools.get(run) or tools)

    def _shown(self, request: Any) -> Any:
        if elsewhere := [str(tool.get("name") or tool.get("type")) for tool in request.tools if isinstance(tool, dict)]:
            raise NotGuarded(f"the tools {', '.join(elsewhere)} run at the model's provider, where nothing guards them")
        self._tools.put(_run(request.state), tuple(tool.name for tool in request.tools))
        return request.override(tools=permitted(request.tools, lambda tool: tool.name, agent=self._agent(request.state, ())))

    def _decided(self, request: Any) -> Any:
        asked, given = self._asked_of(request.tool), plain(request.tool_call["args"])  # a copy, which stays
        call = authorize(request.tool_call["name"], _read(given, asked))
        call.pauses = GraphBubbleUp
        return call, (given, asked)

    def _asked_of(self, tool: Any) -> _Asked:
        if tool is None:
            return _NOTHING
        known = self._schemas.get(id(tool)) or self._schemas.put(id(tool), (tool, _asked(tool)))
        return known[1]

    def _refused(self, denied: Denied, request: Any) -> ToolMessage:
        return ToolMessage(refusal(denied), status="error", tool_call_id=request.tool_call["id"], name=request.tool_call["name"])
