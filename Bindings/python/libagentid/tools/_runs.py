"""Agents of runs that pause: parked in a pause, unparked after it, ended at the end."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from .._current import enter, leave
from .._errors import Error, StateError

if TYPE_CHECKING:
    from datetime import timedelta

    from typing_extensions import Self

    from .._agent import Agent
    from .._authority import Authority
    from .._scope import Scope


class Runs:
    """Starts an agent for each run of a framework, by a key that the framework has for the run, such as a thread's ID.

    The agent that is parked for a key is found in the registry, of this profile and principal alone: nothing that a checkpoint
    says is trusted. `park`: how long a pause may last, in seconds or as a timedelta.
    """

    def __init__(self, authority: Authority, profile: str, scope: Scope | str, *, park: int | timedelta = 86400) -> None:
        self._authority, self._profile, self._scope, self._park = authority, profile, scope, park

    def run(self, key: str, principal: str) -> Run:
        """The `with` block of one run, or of a part of it between two pauses."""
        return Run(self, key, principal)

    def _take_up(self, key: str, principal: str) -> Agent:
        for record in self._authority.agents(profile=self._profile, principal=principal, state="parked"):
            # Those below it come with it.
            if record.parent is None and record.task.encode() == key.encode():
                try:
                    return self._authority.unpark(record.id)
                except StateError as error:
                    if error.name != "not_parked":  # another process was faster: the run goes on there
                        raise
        return self._authority.agent(self._profile, principal=principal, task=key, scope=self._scope)


class Run:
    """One part of a run. Its agent is the current one within; `pause()` has it parked, not ended, when the block is left."""

    def __init__(self, runs: Runs, key: str, principal: str) -> None:
        self._runs, self._key, self._principal, self._pauses = runs, key, principal, False
        self._agent: Agent | None = None

    def pause(self) -> None:
        """The run waits for something: its agent is parked."""
        self._pauses = True

    def take_up(self) -> Run:
        """Starts the agent, or unparks it: what the block does by itself, and asynchronous code on a thread before it."""
        if self._agent is None:
            self._agent = self._runs._take_up(self._key, self._principal)  # pyright: ignore[reportPrivateUsage]
        return self

    @property
    def agent(self) -> Agent:
        """The run's agent; raises `LookupError` before the block."""
        if self._agent is None:
            raise LookupError("the run has not begun")
        return self._agent

    def __enter__(self) -> Self:
        try:
            enter(self.take_up().agent)
        except BaseException:  # an interrupt: the block's end will not come
            if self._agent is not None:
                leave(self._agent)
                self._agent._take_back("its run was interrupted")  # pyright: ignore[reportPrivateUsage]
            raise
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        try:
            leave(self.agent)
            if self._pauses and error is None:
                self.agent.park(self._runs._park)  # pyright: ignore[reportPrivateUsage]
            else:
                self.agent.end("its run ended" if error is None else "its run failed")
        except Error:
            self.agent.end("its run could not be parked")
            raise
        except BaseException:  # an interrupt
            with contextlib.suppress(Error):  # of one that has ended, or is parked
                self.agent.end("its run was interrupted")
            raise
        finally:
            self.agent.close()
