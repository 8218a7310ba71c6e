"""The permit of a request as a dependency of FastAPI."""

from __future__ import annotations

from .._decision import Decision
from ..integrations import needs

needs("fastapi", "0.100", "fastapi", "libagentid.http.fastapi")

from fastapi import HTTPException  # noqa: E402
from starlette.requests import HTTPConnection  # noqa: E402

from .asgi import PERMIT, GuardMiddleware  # noqa: E402

__all__ = ["GuardMiddleware", "Permitted"]


class Permitted:
    """The decision under which a handler runs: `permit: Annotated[Decision, Depends(Permitted("get_user"))]`.

    The handler does not run where nothing was decided, or where what was permitted is not a call of this tool: a route that was
    left out of the table of `GuardMiddleware`, exempt there, or named for another handler is answered with 500.
    """

    def __init__(self, tool: str) -> None:
        if not isinstance(tool, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"tool is a text, the tool's name, not {type(tool).__name__}")
        self._tool = tool

    def __call__(self, request: HTTPConnection) -> Decision:
        """The decision; raises `HTTPException`."""
        found = request.scope.get(PERMIT)
        if found is None:
            raise HTTPException(500, f"{self._tool} is not guarded here: GuardMiddleware is missing, or its route is exempt")
        if found.call.tool != self._tool:
            raise HTTPException(500, f"the handler of {self._tool} was reached by a call of another tool: see the routes")
        return found.decision
