"""Langflow and its executor lfx: every tool call of a flow's agents is decided, also under Langflow's server.

    class Researcher(GuardedAgent):                # a component in place of Langflow's Agent
        def start_agent(self):                     # for flows that a server runs: whose agent the run is
            return acme.agent("researcher", principal=..., task=..., scope=...)

docs/integrations.md says what holds in every framework.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from .._current import current_agent
from ..aio._agent import Agent as AioAgent
from ..aio._agent import ended
from ..aio._running import in_thread
from ..tools import NotGuarded
from . import needs

VERSION = needs("lfx", "1.13", "langflow")

from lfx.base.agents.agent import LCAgentComponent  # noqa: E402
from lfx.components.models_and_agents.agent import AgentComponent  # noqa: E402
from lfx.schema.data import Data  # noqa: E402
from lfx.schema.message import Message  # noqa: E402

from .langchain import Guarded  # noqa: E402

if TYPE_CHECKING:
    from .._agent import Agent

_BARE = frozenset({
    "Agent", "ALTK Agent", "CSVAgent", "JsonAgent", "OpenAIToolsAgent", "OpenAPIAgent", "SQLAgent", "ToolCallingAgent",
    "VectorStoreRouterAgent", "XMLAgent",
})  # fmt: skip
"""The types of Langflow's own agents."""


class GuardedAgent(AgentComponent):
    """Langflow's Agent, each of whose tool calls is decided as the current agent, or as the one that `start_agent` starts.

    Its model is shown the tools that this agent may call. An agent of the same flow that nothing guards raises `NotGuarded`. A
    call that waits for a person's approval is decided when it is resumed.
    """

    display_name = "Guarded Agent"
    description = "An agent whose tool calls are decided one by one, by an agent identity of its own."
    name = "GuardedAgent"
    icon = "shield"

    def start_agent(self) -> Agent | None:
        """Starts the agent of one run of this component, which ends with it. Asked, on a thread, only where no agent is current.

        For a flow that a server runs, which is in no `with` block of yours. `self.user_id` and `self.graph.session_id` say whose
        run it is. Do not ask inputs of the component: a caller of the server can set them.
        """
        return None

    def _build_middleware(self, llm: Any, *, allow_interrupts: bool = True) -> list[Any]:
        return [*super()._build_middleware(llm, allow_interrupts=allow_interrupts), Guarded()]

    async def message_response(self) -> Message:
        """Called by Langflow."""
        return await self._run(super().message_response)

    async def json_response(self) -> Data:
        """Called by Langflow."""
        return await self._run(super().json_response)

    async def _run(self, respond: Callable[[], Awaitable[Any]]) -> Any:
        _all_guarded(self)
        agent = await in_thread(self.start_agent, lambda made: made and ended(made)) if _nobody_acts() else None
        if agent is None:  # where there is none at all, the model is not asked
            return await respond()

        async def run() -> Any:
            async with AioAgent(agent):
                return await respond()

        # Langflow runs a flow by a generator, to which a block in its own task would belong alone.
        return await asyncio.create_task(run())


def _nobody_acts() -> bool:
    try:
        current_agent()
    except LookupError:
        return True
    return False


def _all_guarded(component: Any) -> None:
    """Raises `NotGuarded` where the component's flow has an agent beside it whose tool calls nobody decides."""
    graph = getattr(component, "graph", None)
    for vertex in getattr(graph, "vertices", ()):
        other = vertex.custom_component  # None where it has not been made: then its type is known by name
        bare = isinstance(other, LCAgentComponent) and not isinstance(other, GuardedAgent)
        if bare or (other is None and vertex.vertex_type in _BARE):
            raise NotGuarded(f"nothing guards the agent {vertex.id} of this flow: make it a GuardedAgent")
