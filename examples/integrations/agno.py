"""A guarded agent of Agno: python agno.py. Needs `pip install 'libagentid[agno]'`.

The model here is scripted.
"""

import sys

sys.path.pop(0)  # this file has the name of a package

import json

import libagentid
from agno.agent import Agent
from agno.models.base import Model
from agno.models.response import ModelResponse
from libagentid.integrations.agno import guard  # guard


def read_file(path: str) -> str:
    """Reads a file."""
    return f"the text of {path}"


class Scripted(Model):
    def __init__(self):
        super().__init__(id="scripted")
        self.paths = iter(["/data/q3/report", "/data/salaries"])

    def invoke(self, messages, **_):
        path = next(self.paths, None)
        if path is None:
            return ModelResponse(role="assistant", content="That is all I may read.")
        call = {"name": "read_file", "arguments": json.dumps({"path": path})}
        return ModelResponse(role="assistant", tool_calls=[{"id": path, "type": "function", "function": call}])

    def _other(self, *_, **__):
        raise AssertionError("the scripted model is asked synchronously, and does not stream")

    ainvoke = invoke_stream = ainvoke_stream = _parse_provider_response = _parse_provider_response_delta = _other


agent = guard(Agent(model=Scripted(), tools=[read_file]))  # guard

acme = libagentid.Authority.open(trust_domain="acme.example")
acme.put_profile("reader", owner="team:data@acme.example", ceiling="read_file(path under '/data')")
with acme.agent("reader", principal="user:alice@acme.example", task="T-1", scope="read_file(path under '/data/q3')"):  # guard
    result = agent.run("What does the report say?")
for message in result.messages:
    if message.role == "tool":
        print(message.content)
print(result.content)
