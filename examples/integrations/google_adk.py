"""A guarded agent of Google's ADK: python google_adk.py. Needs `pip install 'libagentid[google-adk]'`.

The model here is scripted.
"""

import sys

sys.path.pop(0)  # files here have the names of packages

import asyncio

import libagentid
from google.adk.agents import LlmAgent
from google.adk.models import BaseLlm, LlmResponse
from google.adk.runners import InMemoryRunner
from google.genai import types
from libagentid.integrations.google_adk import Guarded  # guard


def read_file(path: str) -> str:
    """Reads a file."""
    return f"the text of {path}"


class Scripted(BaseLlm):
    paths: list

    async def generate_content_async(self, llm_request, stream=False):
        part = types.Part(text="That is all I may read.")
        if self.paths:
            part = types.Part.from_function_call(name="read_file", args={"path": self.paths.pop(0)})
        yield LlmResponse(content=types.Content(role="model", parts=[part]))


async def ask(question: str) -> None:
    model = Scripted(model="scripted", paths=["/data/q3/report", "/data/salaries"])
    runner = InMemoryRunner(LlmAgent(name="reader", model=model, tools=[read_file]), app_name="app", plugins=[Guarded()])  # guard
    session = await runner.session_service.create_session(app_name="app", user_id="alice")
    message = types.Content(role="user", parts=[types.Part(text=question)])
    async for event in runner.run_async(user_id="alice", session_id=session.id, new_message=message):
        for part in event.content.parts:
            if part.function_response or part.text:
                print(part.function_response.response if part.function_response else part.text)


acme = libagentid.Authority.open(trust_domain="acme.example")
acme.put_profile("reader", owner="team:data@acme.example", ceiling="read_file(path under '/data')")
with acme.agent("reader", principal="user:alice@acme.example", task="T-1", scope="read_file(path under '/data/q3')"):  # guard
    asyncio.run(ask("What does the report say?"))
