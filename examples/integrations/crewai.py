"""A guarded crew: python crewai.py. Needs `pip install 'libagentid[crewai]'`.

The model here is scripted.
"""

import sys

sys.path.pop(0)  # this file has the name of a package

import json

import libagentid
from crewai import Agent, Crew, Task
from crewai.llms.base_llm import BaseLLM
from crewai.tools import tool
from libagentid.integrations.crewai import guard_crews  # guard


@tool("read_file")
def read_file(path: str) -> str:
    """Reads a file."""
    return f"the text of {path}"


class Scripted(BaseLLM):
    def __init__(self):
        super().__init__(model="scripted")
        self._paths = iter(["/data/q3/report", "/data/salaries"])

    def call(self, messages, *_, **__):
        read = "\n".join(str(message["content"]) for message in messages).split("Observation: ")[1:]
        print(*[each.splitlines()[0] for each in read[-1:] if "/data" in each])
        path = next(self._paths, None)
        if path is None:
            return "Thought: I now know the final answer\nFinal Answer: That is all I may read."
        return f"Thought: I need it\nAction: read_file\nAction Input: {json.dumps({'path': path})}"

    def supports_function_calling(self):
        return False


guard_crews()  # guard
reader = Agent(role="reader", goal="read", backstory="reads", llm=Scripted(), tools=[read_file])
crew = Crew(agents=[reader], tasks=[Task(description="Read the report.", expected_output="the report", agent=reader)])

acme = libagentid.Authority.open(trust_domain="acme.example")
acme.put_profile("reader", owner="team:data@acme.example", ceiling="read_file(path under '/data')")
with acme.agent("reader", principal="user:alice@acme.example", task="T-1", scope="read_file(path under '/data/q3')"):  # guard
    print(crew.kickoff())
