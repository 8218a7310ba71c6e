"""Tools that note what ran, and agents of a scripted model that have them."""

import pytest
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from libagentid.integrations.langchain import Guarded
from scripted import Scripted, calls

ASK = {"messages": [HumanMessage("go")]}


@pytest.fixture
def tools(ran):
    @tool
    def read_file(path: str) -> str:
        """Reads a file."""
        ran.append(path)
        return f"text of {path}"

    @tool
    async def search(query: str) -> str:
        """Searches."""
        ran.append(query)
        return "found"

    @tool
    def send_mail(to: str, body: str = "") -> str:
        """Sends a mail."""
        ran.append(to)
        return "sent"

    @tool
    def boom() -> str:
        """Fails."""
        ran.append("boom")
        raise ValueError("boom")

    return {each.name: each for each in (read_file, search, send_mail, boom)}


def agent_of(tools, *script, guard=None, names=("read_file", "send_mail"), **more):
    model = Scripted(script=list(script))
    middleware = [guard or Guarded()] if guard is not False else []
    return create_agent(model, [tools[name] for name in names], middleware=[*more.pop("outside", []), *middleware], **more), model


def answers(result):
    return [m for m in result["messages"] if isinstance(m, ToolMessage)]


BAD = calls(("read_file", {"path": "/etc/passwd"}))


GOOD = calls(("read_file", {"path": "/data/a"}))
