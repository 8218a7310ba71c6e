"""A guarded Pydantic AI agent: python pydantic_ai.py. Needs `pip install 'libagentid[pydantic-ai]'`; the model here is scripted."""

import sys

sys.path.pop(0)  # this file has the name of a package

import libagentid
from libagentid.integrations.pydantic_ai import Guarded  # guard
from pydantic_ai import Agent
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import FunctionModel

turns = iter(["/data/q3/report", "/data/salaries"])


def model(messages, info):
    path = next(turns, None)
    return ModelResponse([ToolCallPart("read_file", {"path": path}) if path else TextPart("That is all I may read.")])


agent = Agent(FunctionModel(model), capabilities=[Guarded()])  # guard


@agent.tool_plain
def read_file(path: str) -> str:
    """Reads a file."""
    return f"the text of {path}"


acme = libagentid.Authority.open(trust_domain="acme.example")
acme.put_profile("reader", owner="team:data@acme.example", ceiling="read_file(path under '/data')")
with acme.agent("reader", principal="user:alice@acme.example", task="T-1", scope="read_file(path under '/data/q3')"):  # guard
    result = agent.run_sync("What does the report say?")
for message in result.all_messages():
    for part in message.parts:
        print(f"{part.part_kind}: {getattr(part, 'content', '')}")
