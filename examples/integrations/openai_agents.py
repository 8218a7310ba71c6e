"""A guarded agent of the OpenAI Agents SDK: python openai_agents.py. Needs `pip install 'libagentid[openai-agents]'`.

The model here is scripted.
"""

import sys

sys.path.pop(0)  # files here have the names of packages

import json

import libagentid
from agents import Agent, Model, ModelResponse, RunConfig, Runner, Usage, function_tool
from libagentid.integrations.openai_agents import guard  # guard
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText


@function_tool
def read_file(path: str) -> str:
    """Reads a file."""
    return f"the text of {path}"


class Scripted(Model):
    paths = iter(["/data/q3/report", "/data/salaries"])

    async def get_response(self, *_, **__):
        path = next(self.paths, None)
        if path:
            arguments = json.dumps({"path": path})
            said = ResponseFunctionToolCall(name="read_file", arguments=arguments, call_id=path, type="function_call")
        else:
            text = ResponseOutputText(text="That is all I may read.", type="output_text", annotations=[])
            said = ResponseOutputMessage(id="m", content=[text], role="assistant", status="completed", type="message")
        return ModelResponse(output=[said], usage=Usage(), response_id=None)

    def stream_response(self, *_, **__):
        raise AssertionError("the scripted model does not stream")


agent = guard(Agent("reader", model=Scripted(), tools=[read_file]))  # guard

acme = libagentid.Authority.open(trust_domain="acme.example")
acme.put_profile("reader", owner="team:data@acme.example", ceiling="read_file(path under '/data')")
with acme.agent("reader", principal="user:alice@acme.example", task="T-1", scope="read_file(path under '/data/q3')"):  # guard
    result = Runner.run_sync(agent, "What does the report say?", run_config=RunConfig(tracing_disabled=True))
for item in result.new_items:
    if item.type == "tool_call_output_item":
        print(item.output)
print(result.final_output)
