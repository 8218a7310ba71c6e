"""Agents."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import libagentid._agent as _agent
import libagentid._current as _current

from ._running import Closing, in_thread, starting, starts, waits

if TYPE_CHECKING:
    from datetime import timedelta

    from libagentid._decision import Decision
    from typing_extensions import Self


def ended(agent: _agent.Agent) -> None:
    """Ends what was started for a task that is cancelled, or parks it again."""
    agent._take_back("its start was cancelled")


class Agent(Closing, _agent.Identity):
    """One running agent instance; `sync` is the `libagentid.Agent` that it stands for.

    Decisions and proofs take microseconds and are plain calls. Leaving its `async with` block ends it, also where the task is
    cancelled; inside it is the `current_agent()`.
    """

    def __init__(self, agent: _agent.Agent) -> None:
        Closing.__init__(self, agent.close)
        _agent.Identity.__init__(self, agent._handle)
        self.sync = agent

    @property
    def id(self) -> str:
        """The SPIFFE ID, also after it was parked, has ended or was left."""
        return self.sync.id

    open = staticmethod(starting(_agent.Agent.open, _agent.Agent.close, lambda agent: Agent(agent)))
    spawn = starts(_agent.Agent.spawn, ended, lambda agent: Agent(agent))
    delegate = waits(_agent.Agent.delegate)
    end = waits(_agent.Agent.end, "ends")
    park = waits(_agent.Agent.park)
    rotate_key = waits(_agent.Agent.rotate_key)  # it waits for a signer, which may hang

    def authorize(self, tool: str, args: Mapping[str, Any], *, wait: float | timedelta | None = None) -> Decision:
        """As `libagentid.Agent.authorize`, in microseconds. `wait` would hold an event loop, and raises `TypeError` there.

        Instead, `await acme.wait_for_approval(denied.approval, seconds)`, and make the very same call again.
        """
        if wait is not None and _is_on_a_loop():
            said = "await acme.wait_for_approval(denied.approval, seconds), and make the very same call again"
            raise TypeError(f"wait= would hold the event loop: {said}")
        return _agent.Identity.authorize(self, tool, args, wait=wait)

    def unparked(self) -> list[Agent]:
        """As `libagentid.Agent.unparked`."""
        return [Agent(child) for child in self.sync.unparked()]

    async def __aenter__(self) -> Self:
        _current.enter(self.sync)
        self.sync._entered += 1
        return self

    async def __aexit__(self, *exception: object) -> None:
        _current.leave(self.sync)
        self.sync._entered -= 1
        if self.sync._entered <= 0:
            await in_thread(partial(_agent.Agent._leave, self.sync, *exception), surely=True, kind="ends")


def _is_on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def current_agent() -> Agent:
    """As `libagentid.current_agent()`, for asyncio."""
    return Agent(_current.current_agent())
