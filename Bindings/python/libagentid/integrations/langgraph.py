"""LangGraph runs that pause: the agent of a thread is started, parked in an interrupt, unparked on resume, ended with the run.

    graph = guarded_graph(graph, acme, profile="researcher", scope="...", principal=lambda config: config["configurable"]["user"])
    graph.invoke({"messages": [...]}, {"configurable": {"thread_id": "7", "user": "user:alice@acme.example"}})

The graph is compiled with a checkpointer, and its tools are guarded by `libagentid.integrations.langchain.Guarded`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any

from ..aio._agent import ended
from ..aio._running import in_thread
from ..tools import Run, Runs
from . import needs
from .langchain import WATCH

if TYPE_CHECKING:
    from datetime import timedelta

    from .._authority import Authority
    from .._scope import Scope

VERSION = needs("langgraph", "1.0", "langchain")


def guarded_graph(
    graph: Any, authority: Authority, *, profile: str, scope: Scope | str, principal: Callable[[Any], str],
    park: int | timedelta = 86400,
) -> GuardedGraph:  # fmt: skip
    """A graph whose runs have an agent each. `principal`: for whom a run acts, by its config: never what a client may choose.

    `park`: how long an interrupt may last, in seconds or as a timedelta. A thread is resumed by its principal alone.
    """
    if getattr(graph, "checkpointer", None) in (None, False):
        raise ValueError("a graph without a checkpointer cannot be resumed: compile it with one, or use `with acme.agent(...)`")
    if not callable(principal):
        raise TypeError(f"principal is a function of a run's config, not {type(principal).__name__}")
    return GuardedGraph(graph, Runs(authority, profile, scope, park=park), principal)


class GuardedGraph:
    """The four ways to run a compiled graph; everything else is `graph`'s own."""

    def __init__(self, graph: Any, runs: Runs, principal: Callable[[Any], str]) -> None:
        # A tool that nothing guards is an error here too, not only below a graph that is guarded.
        self.graph, self._runs, self._principal = graph.with_config(callbacks=[WATCH]), runs, principal

    def _run(self, config: Any) -> Run:
        thread = ((config or {}).get("configurable") or {}).get("thread_id")
        if not thread:
            raise ValueError('config names no thread, by which a run is resumed: give {"configurable": {"thread_id": "7"}}')
        return self._runs.run(f"thread {thread}", self._principal(config))

    async def _taken_up(self, config: Any) -> Run:
        return await in_thread(self._run(config).take_up, lambda run: ended(run.agent))

    def invoke(self, input: Any, config: Any, **more: Any) -> Any:
        """As the graph's own."""
        with self._run(config) as run:
            result = self.graph.invoke(input, config, **more)
            if self.graph.get_state(config).next:
                run.pause()
            return result

    def stream(self, input: Any, config: Any, **more: Any) -> Iterator[Any]:
        """As the graph's own; the run ends where the iteration does."""
        with self._run(config) as run:
            yield from self.graph.stream(input, config, **more)
            if self.graph.get_state(config).next:
                run.pause()

    async def ainvoke(self, input: Any, config: Any, **more: Any) -> Any:
        """As the graph's own."""
        with await self._taken_up(config) as run:
            result = await self.graph.ainvoke(input, config, **more)
            if (await self.graph.aget_state(config)).next:
                run.pause()
            return result

    async def astream(self, input: Any, config: Any, **more: Any) -> AsyncIterator[Any]:
        """As the graph's own; the run ends where the iteration does."""
        with await self._taken_up(config) as run:
            async for chunk in self.graph.astream(input, config, **more):
                yield chunk
            if (await self.graph.aget_state(config)).next:
                run.pause()
