"""A guarded Strands agent: python strands.py. Needs `pip install 'libagentid[strands]'`.

The model here is scripted.
"""

import sys

sys.path.pop(0)  # this file has the name of a package

import json

import libagentid
from libagentid.integrations.strands import Guarded  # guard
from strands import Agent, tool
from strands.models import Model


@tool
def read_file(path: str) -> str:
    """Reads a file."""
    return f"the text of {path}"


class Scripted(Model):
    paths = iter(["/data/q3/report", "/data/salaries"])

    def update_config(self, **_): ...

    def get_config(self):
        return {}

    async def structured_output(self, *_, **__):
        raise AssertionError("the scripted model is not asked for one")
        yield

    async def stream(self, messages, *_, **__):
        path = next(self.paths, None)
        yield {"messageStart": {"role": "assistant"}}
        yield {"contentBlockStart": {"start": {"toolUse": {"name": "read_file", "toolUseId": path}} if path else {}}}
        delta = {"toolUse": {"input": json.dumps({"path": path})}} if path else {"text": "That is all I may read."}
        yield {"contentBlockDelta": {"delta": delta}}
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "tool_use" if path else "end_turn"}}


agent = Agent(model=Scripted(), tools=[read_file], hooks=[Guarded()], callback_handler=None)  # guard

acme = libagentid.Authority.open(trust_domain="acme.example")
acme.put_profile("reader", owner="team:data@acme.example", ceiling="read_file(path under '/data')")
with acme.agent("reader", principal="user:alice@acme.example", task="T-1", scope="read_file(path under '/data/q3')"):  # guard
    answer = agent("What does the report say?")
for message in agent.messages:
    for block in message["content"]:
        if "toolResult" in block:
            print(block["toolResult"]["content"][0]["text"])
print(answer)
