"""The server's end of an elicitation. Since 2026-07-28 a client brings the answer with its next try; before, the server asks."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING, Any

from ...mcp._elicit import SCHEMA
from ...mcp._wire import answer_after

if TYPE_CHECKING:
    from ..._errors import Denied
    from ..._guard import Guard
    from ...mcp._elicit import Elicitation, Question

log = logging.getLogger("libagentid.mcp")
_OURS = "io.agentid/approval/"
_SINCE = "2026-07-28"  # from which on servers ask nothing by themselves


async def asked_now(elicit: Elicitation | None, denied: Denied, guard: Guard, ctx: Any) -> Any:
    """For mcp 2: what a denied call of a tool is answered with after, or in order that, its user is asked; None: nobody is."""
    import anyio.to_thread
    from mcp_types import CallToolResult, ClientCapabilities, ElicitationCapability, InputRequiredResult

    question = None if elicit is None else await anyio.to_thread.run_sync(elicit.question, denied)
    if elicit is None or question is None:
        return None
    if not ctx.session.check_client_capability(ClientCapabilities(elicitation=ElicitationCapability())):
        return None
    key = _OURS + question.request
    if ctx.protocol_version >= _SINCE:
        given = (ctx.params or {}).get("inputResponses")
        # The key is that of this very call, as the guard has just decided it: another call's answer counts for nothing.
        if not isinstance(given, dict) or key not in given:
            asked = {
                "method": "elicitation/create",
                "params": {"mode": "form", "message": question.message, "requestedSchema": SCHEMA},
            }
            wire = {"resultType": "input_required", "inputRequests": {key: asked}, "requestState": key}
            return InputRequiredResult.model_validate(wire, by_name=False)
        found = given[key]
        state = await anyio.to_thread.run_sync(elicit.settle, question, found if isinstance(found, dict) else None)
        if state == "approved":  # the client comes once more, with another proof
            return InputRequiredResult.model_validate({"resultType": "input_required", "requestState": key}, by_name=False)
    else:
        state = await _settled(elicit, question, ctx.session, ctx.request_id)
    return CallToolResult.model_validate(answer_after(state, question.request, denied, guard), by_name=False)


def without_answers(ctx: Any) -> Any:
    """A permitted call as its tool gets it: without the answers that were about the approval."""
    params = dict(ctx.params or {})
    if not str(params.get("requestState")).startswith(_OURS):
        return ctx
    del params["requestState"]
    given = params.pop("inputResponses", None)
    kept = {key: value for key, value in given.items() if not key.startswith(_OURS)} if isinstance(given, dict) else None
    return dataclasses.replace(ctx, params={**params, **({"inputResponses": kept} if kept else {})})


async def asked_before(elicit: Elicitation | None, denied: Denied, guard: Guard) -> Any:
    """For mcp 1: the answer to a denied call of a tool after its user was asked; None where nobody is."""
    import anyio.to_thread
    from mcp import types  # pyright: ignore[reportAttributeAccessIssue]
    from mcp.server.lowlevel.server import request_ctx

    question = None if elicit is None else await anyio.to_thread.run_sync(elicit.question, denied)
    if elicit is None or question is None:
        return None
    ctx = request_ctx.get()
    if not ctx.session.check_client_capability(types.ClientCapabilities(elicitation=types.ElicitationCapability())):
        return None
    state = await _settled(elicit, question, ctx.session, ctx.request_id)
    return types.ServerResult(types.CallToolResult.model_validate(answer_after(state, question.request, denied, guard)))


async def _settled(elicit: Elicitation, question: Question, session: Any, request: Any) -> str:
    """Asks while the call waits. No answer, an error and an answer too late leave it pending: denied."""
    import anyio
    import anyio.to_thread

    given = None
    try:
        with anyio.move_on_after(elicit.timeout):
            result = await session.elicit_form(question.message, SCHEMA, request)
            given = result.model_dump(mode="json", by_alias=True)
    except Exception as error:
        log.warning("a client could not be asked about request %s: %s", question.request, type(error).__name__)
    return await anyio.to_thread.run_sync(elicit.settle, question, given)
