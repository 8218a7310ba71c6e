"""AutoGen: an agent, or a workbench, whose tools are decided before they run.

    agent = guard_agent(AssistantAgent("researcher", model_client=..., tools=[read_file]))     # all that it has
    agent = AssistantAgent("researcher", model_client=..., workbench=guard([FunctionTool(read_file, description="...")]))
    with acme.agent("researcher", principal=..., task=..., scope=...):
        await agent.run(task="...")

docs/integrations.md says what holds in every framework.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from .._current import current_agent
from .._errors import Denied
from ..tools import NotGuarded, SubAgents, acting, authorize, broken, defaulted, permitted, refusal
from . import named, needs, tools_of, wanted

VERSION = needs("autogen-core", "0.7.1", "autogen")

from autogen_core.tools import StaticWorkbench, TextResultContent, ToolResult, Workbench  # noqa: E402
from pydantic import BaseModel  # noqa: E402

_A = TypeVar("_A")


def guard(tools: Workbench | Sequence[Any], name: str | None = None) -> GuardedWorkbench:
    """Tools, or a workbench such as that of an MCP server, decided as the current agent, and shown where that may call them.

    `name`: as a sub-agent with what that may do of these tools.
    """
    named(name)
    if not isinstance(tools, Workbench):
        tools = StaticWorkbench(
            tools_of(tools, ("name", "run_json"), "a list of tools, such as FunctionTool(...), or a workbench")
        )
    return GuardedWorkbench(tools, name)


def guard_agent(agent: _A, name: str | None = None) -> _A:
    """Has the tools of all workbenches of an `AssistantAgent` decided, so that none is forgotten. `name`: as `guard`."""
    named(name)
    wanted(agent, "_workbench", "an AssistantAgent")
    given: Any = agent
    given._workbench = [each if isinstance(each, GuardedWorkbench) else GuardedWorkbench(each, name) for each in given._workbench]
    return agent


def _refused(name: str, text: str) -> ToolResult:
    return ToolResult(name=name, result=[TextResultContent(content=text)], is_error=True)


class GuardedWorkbench(Workbench):
    """Another workbench behind a guard. It has no configuration: what loads it from a file would not have the guard."""

    component_config_schema = BaseModel

    def __init__(self, inner: Workbench, name: str | None = None) -> None:
        self._inner, self._name, self._below = inner, name, SubAgents()

    async def list_tools(self) -> list[Any]:
        tools = await self._inner.list_tools()
        return permitted(tools, lambda tool: tool["name"], agent=self._agent(tools))

    async def call_tool(self, name: str, arguments: Mapping[str, Any] | None = None, *args: Any, **kwargs: Any) -> Any:
        try:
            return await self._called(name, arguments, *args, **kwargs)
        except Exception as error:  # an `AssistantAgent` would wait forever
            return _refused(name, broken(error, "The call failed"))

    async def _called(self, name: str, arguments: Mapping[str, Any] | None, *args: Any, **kwargs: Any) -> Any:
        tools = await self._inner.list_tools()
        schema: Any = self._model(name) or next((tool.get("parameters") for tool in tools if tool["name"] == name), None)
        with acting(self._agent(tools)):
            try:
                call = authorize(name, defaulted(arguments or {}, schema))
            except Denied as denied:
                return _refused(name, refusal(denied))
            with call:
                return call.answered(
                    await self._inner.call_tool(name, arguments, *args, **kwargs), lambda result: result.is_error
                )

    def _model(self, name: str) -> Any:
        """The Pydantic model by which a tool of Python reads its arguments, which knows more defaults than its schema."""
        if not isinstance(self._inner, StaticWorkbench):
            return None
        own: Any = self._inner
        original = own._override_name_to_original.get(name, name)
        tool = next((tool for tool in own._tools if tool.name == original), None)
        model = tool.args_type() if tool is not None else None
        return model if isinstance(model, type) and issubclass(model, BaseModel) else None

    def _agent(self, tools: Sequence[Any]) -> Any:
        if self._name is None:
            return current_agent()
        return self._below.agent(self._name, self._name, [tool["name"] for tool in tools])

    async def start(self) -> None:
        await self._inner.start()

    async def stop(self) -> None:
        await self._inner.stop()

    async def reset(self) -> None:
        await self._inner.reset()

    async def save_state(self) -> Mapping[str, Any]:
        return await self._inner.save_state()

    async def load_state(self, state: Mapping[str, Any]) -> None:
        await self._inner.load_state(state)

    def _to_config(self) -> Any:
        raise NotGuarded("a guarded workbench is made in code: a file would not have its guard")
