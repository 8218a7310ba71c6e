"""A guarded agent of Haystack: python haystack.py. Needs `pip install 'libagentid[haystack]'`.

The model here is scripted.
"""

import sys

sys.path.pop(0)  # this file has the name of a package

import libagentid
from haystack import component
from haystack.components.agents import Agent
from haystack.dataclasses import ChatMessage, ToolCall
from haystack.tools import create_tool_from_function
from libagentid.integrations.haystack import guard_tools  # guard


def read_file(path: str) -> str:
    """Reads a file."""
    return f"the text of {path}"


@component
class Scripted:
    def __init__(self):
        self.paths = iter(["/data/q3/report", "/data/salaries"])

    @component.output_types(replies=list[ChatMessage])
    def run(self, messages: list[ChatMessage], tools=None):
        path = next(self.paths, None)
        if path is None:
            return {"replies": [ChatMessage.from_assistant("That is all I may read.")]}
        call = ToolCall(tool_name="read_file", arguments={"path": path}, id=path)
        return {"replies": [ChatMessage.from_assistant(tool_calls=[call])]}


agent = Agent(chat_generator=Scripted(), tools=guard_tools([create_tool_from_function(read_file)]))  # guard

acme = libagentid.Authority.open(trust_domain="acme.example")
acme.put_profile("reader", owner="team:data@acme.example", ceiling="read_file(path under '/data')")
with acme.agent("reader", principal="user:alice@acme.example", task="T-1", scope="read_file(path under '/data/q3')"):  # guard
    result = agent.run(messages=[ChatMessage.from_user("What does the report say?")])
for message in result["messages"]:
    print(*[each.result for each in message.tool_call_results] or [message.text or ""])
