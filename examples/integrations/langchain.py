"""A guarded LangChain agent: python langchain.py. Needs `pip install 'libagentid[langchain]'`; the model here is scripted."""

import sys

sys.path.pop(0)  # this file has the name of a package

import libagentid
from langchain.agents import create_agent
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from libagentid.integrations.langchain import Guarded  # guard


@tool
def read_file(path: str) -> str:
    """Reads a file."""
    return f"the text of {path}"


class Scripted(GenericFakeChatModel):
    def bind_tools(self, tools, **_):
        return self


def asks(path: str) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": "read_file", "args": {"path": path}, "id": path}])


model = Scripted(messages=iter([asks("/data/q3/report"), asks("/data/salaries"), AIMessage("That is all I may read.")]))
graph = create_agent(model, [read_file], middleware=[Guarded()])  # guard

acme = libagentid.Authority.open(trust_domain="acme.example")
acme.put_profile("reader", owner="team:data@acme.example", ceiling="read_file(path under '/data')")
with acme.agent("reader", principal="user:alice@acme.example", task="T-1", scope="read_file(path under '/data/q3')"):  # guard
    for message in graph.invoke({"messages": [("user", "What does the report say?")]})["messages"]:
        print(f"{message.type}: {message.content}")
