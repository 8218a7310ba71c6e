"""Pydantic AI: a capability that decides each tool call, in every way to run an agent.

    agent = Agent(model, tools=[...], capabilities=[Guarded()])
    with acme.agent("researcher", principal=..., task=..., scope=...):
        agent.run_sync("...")

An agent that runs inside a tool of a guarded one is a sub-agent, with what its parent may do of its own tools. Give each agent a
`Guarded()`: nothing here sees one without it.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any
from uuid import uuid4

from .._current import current_agent
from .._errors import Denied
from ..tools import NotGuarded, SubAgents, acting, authorize, defaulted, permitted, plain, refusal
from ..tools._values import readable
from . import named, needs

VERSION = needs("pydantic-ai-slim", "2.38", "pydantic-ai")

from pydantic_ai.capabilities import AbstractCapability, CapabilityOrdering  # noqa: E402
from pydantic_ai.exceptions import ModelRetry  # noqa: E402

if not hasattr(AbstractCapability, "wrap_output_process"):
    raise ImportError(f"pydantic-ai-slim {VERSION} has no hook for output functions: pip install -U 'libagentid[pydantic-ai]'")

_within: ContextVar[bool] = ContextVar("agentid.pydantic_ai", default=False)


class Guarded(AbstractCapability[Any]):
    """Decides each call of a function tool as the current agent, and shows the model those that this agent may call.

    `name`: has a sub-agent of this name also at the top. Tools that run at the provider raise `NotGuarded`. An output function
    is decided too, by its name and its arguments; those of a text are `output`. Arguments are decided as Pydantic has read them.
    It is the innermost of the capabilities, whatever their order: what it decides is what runs.
    """

    def get_ordering(self) -> Any:
        return CapabilityOrdering(position="innermost")

    def __init__(self, name: str | None = None) -> None:
        named(name)
        self._name, self._subs, self._run, self._tools = name, SubAgents(), "", ()

    async def for_run(self, ctx: Any) -> Guarded:
        made = Guarded(self._name)
        made._run = uuid4().hex
        return made

    async def wrap_run(self, ctx: Any, *, handler: Any) -> Any:
        try:
            return await handler()
        finally:
            self._subs.end(self._run)

    async def prepare_tools(self, ctx: Any, tool_defs: Any) -> Any:
        self._tools = tuple(tool.name for tool in tool_defs)
        return permitted(tool_defs, lambda tool: tool.name, agent=self._agent())

    async def before_model_request(self, ctx: Any, request_context: Any) -> Any:
        native = getattr(request_context.model_request_parameters, "native_tools", None) or []
        if native:
            raise NotGuarded(
                f"the tools {', '.join(str(each.kind) for each in native)} run at the model's provider, where nothing guards them"
            )
        return request_context

    async def wrap_tool_execute(self, ctx: Any, *, call: Any, tool_def: Any, args: Any, handler: Any) -> Any:
        with acting(self._agent()):
            try:
                decided = authorize(call.tool_name, _given(args, tool_def.parameters_json_schema))
            except Denied as denied:
                return refusal(denied)
            before = _within.set(True)
            try:
                with decided:
                    return await handler(args)
            finally:
                _within.reset(before)

    async def wrap_output_process(self, ctx: Any, *, output_context: Any, output: Any, handler: Any) -> Any:
        if not output_context.has_function:
            return await handler(output)
        name, arguments = output_context.function_name, {"output": output}
        if (call := output_context.tool_call) is not None:
            name = name or call.tool_name
            arguments = _read(output, call.args_as_dict(), output_context.tool_def.parameters_json_schema)
        if name is None:
            raise NotGuarded("one of several outputs is a function, and which was chosen is not known: put each in a ToolOutput")
        with acting(self._agent()):
            try:
                decided = authorize(name, arguments if call is not None else plain(arguments))
            except Denied as denied:
                raise ModelRetry(refusal(denied)) from denied
            with decided:
                return await handler(output)

    def _agent(self) -> Any:
        if self._name is None and not _within.get():
            return current_agent()
        return self._subs.agent(self._run, self._name or "sub-agent", self._tools)


def _given(args: Any, schema: Any) -> dict[str, Any]:
    """The arguments as the tool gets them, which Pydantic has read; what is null by default is not given."""
    properties = schema.get("properties") or {}
    by_default = [name for name, each in properties.items() if isinstance(each, dict) and each.get("default", ...) is None]
    given = {name: value for name, value in args.items() if not (value is None and name in by_default)}
    return defaulted(readable(given, asked=True), schema)


def _read(output: Any, args: dict[str, Any], schema: Any) -> dict[str, Any]:
    """The arguments of an output function; of one argument Pydantic AI hands on the value alone."""
    names = list(schema.get("properties") or {})
    read = readable(output, asked=True)
    if not isinstance(read, dict) or (
        isinstance(output, dict) and len(names) == 1 and (list(output) != names or isinstance(args.get(names[0]), dict))
    ):
        if len(names) != 1:
            raise NotGuarded("the arguments of this output function are not known: give it a Pydantic model")
        return _given({names[0]: output}, schema)
    return _given(output if isinstance(output, dict) else read, schema)
