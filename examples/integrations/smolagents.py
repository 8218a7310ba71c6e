"""A guarded agent of smolagents: python smolagents.py. Needs `pip install 'libagentid[smolagents]'`; the model here is scripted."""

import sys

sys.path.pop(0)  # this file has the name of a package

import libagentid
from libagentid.integrations.smolagents import guard  # guard
from smolagents import CodeAgent, tool
from smolagents.models import ChatMessage, Model


@tool
def read_file(path: str) -> str:
    """Reads a file.

    Args:
        path: which
    """
    return f"the text of {path}"


class Scripted(Model):
    turns = iter(
        ["print(read_file('/data/q3/report'))", "print(read_file('/data/salaries'))", "final_answer('That is all I may read.')"]
    )

    def generate(self, messages, **_):
        return ChatMessage(role="assistant", content=f"<code>\n{next(self.turns)}\n</code>")


agent = guard(CodeAgent(tools=[read_file], model=Scripted(), verbosity_level=0))  # guard

acme = libagentid.Authority.open(trust_domain="acme.example")
acme.put_profile("reader", owner="team:data@acme.example", ceiling="read_file(path under '/data')")
with acme.agent("reader", principal="user:alice@acme.example", task="T-1", scope="read_file(path under '/data/q3')"):  # guard
    print(agent.run("What does the report say?"))
for step in agent.memory.steps[1:]:
    print(getattr(step, "observations", None) or getattr(step, "error", ""))
