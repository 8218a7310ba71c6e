#!/usr/bin/env python3
"""Writes docs/integrations.md from what `make test-integrations` left in .build-integrations/results. `--check`: fails where it differs.

Versions and numbers of tests are those of the run. Lines a user adds are those that end with `# guard` in examples/integrations,
or else those of the example in the integration's docstring that name it.
"""
import ast
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE, RESULTS = ROOT / "docs/integrations.md", ROOT / ".build-integrations/results"
GLUE, EXAMPLES = ROOT / "Bindings/python/libagentid/integrations", ROOT / "examples/integrations"

# framework, result, module, what is guarded, sub-agents. Those without a module have a page of their own.
ROWS = [
    ("MCP, SDK 2.x", "mcp", "mcp", "every request of a server that does or reads something; lists are filtered", "each caller by its chain"),
    ("MCP, SDK 1.x", "mcp1", "mcp", "the same", "the same"),
    ("FastMCP 4", "fastmcp", "mcp", "the same", "the same"),
    ("A2A", "a2a", "a2a", "every request of a server, over JSON-RPC, REST and gRPC", "each caller by its chain"),
    ("LangChain, LangGraph, deepagents", "langchain", "langchain", "every tool call; tools shown", "graphs inside tools, named graphs; unguarded ones are an error; pauses park"),
    ("Langflow", "langflow-flow", "langflow", "every tool call of a flow's agents, under its server as well; tools shown", "agents inside tools; unguarded ones are an error"),
    ("OpenAI Agents", "openai-agents", "openai_agents", "function tools, tools of MCP servers; tools shown", "handoffs, agents as tools"),
    ("Pydantic AI", "pydantic-ai", "pydantic_ai", "every function tool; tools shown", "agents inside tools, named ones"),
    ("Google ADK", "google-adk", "google_adk", "every tool of every agent of a runner; tools shown", "transfers, agents that are tools"),
    ("Claude Agent SDK", "claude-agent-sdk", "claude_agent_sdk", "every tool of a session; a stand-in for the CLI", "the session's sub-agents"),
    ("CrewAI", "crewai", "crewai", "every tool call in the process", "each member of a crew"),
    ("LlamaIndex", "llama-index", "llama_index", "every tool call of a workflow or an agent; tools shown", "handoffs"),
    ("smolagents", "smolagents", "smolagents", "every tool, also where code calls it", "managed agents"),
    ("AutoGen", "autogen", "autogen", "a workbench's tools; tools shown", "named workbenches"),
    ("Microsoft Agent Framework", "agent-framework", "agent_framework", "every function call; tools shown by `Shown()`", "named agents"),
    ("Haystack", "haystack", "haystack", "tools that were given to `guard_tools`", "named tools"),
    ("Agno", "agno", "agno", "every tool call of an agent", "a team's members"),
    ("Strands", "strands", "strands", "every tool call; tools shown", "named agents"),
    ("[HTTP](guides/http.md)", "http_fastapi", None, "every request of a server of ASGI or WSGI", "each caller by its chain"),
    ("[gRPC](guides/grpc.md)", "grpc_python", None, "every request of a server, sync and aio", "each caller by its chain"),
    ("[gRPC, in Go](guides/grpc.md#in-go)", "grpc_go", None, "every request of a server; Python at the other end", "each caller by its chain"),
    ("[SPIFFE](guides/spiffe.md)", "spiffe", None, "connections and exchanges: who calls", "each workload, by its SVID"),
    ("[SPIFFE, in Swift](guides/spiffe.md#in-swift)", "spiffe_swift", None, "who gets SVIDs, and for how long", "each agent, by its socket"),
]
LEFT_OUT = {"incidents"}  # has a page of its own, and adds no lines to anything
HEAD = """<!-- run by Tests/Integrations/run -->
# Agent frameworks

A guard is a line where the agent or the server is made, and the `with` block of an [agent](guides/python.md) around its run. From then on each tool call is decided
by name and arguments before the tool runs, and recorded; a denial is the tool's answer, which says what to do next; the model is shown the
tools it may call, where the framework lets that be said; what works below the agent has less authority; leaving the block ends them all.

    pip install 'libagentid[langchain]'

```python
from libagentid.integrations.langchain import Guarded

graph = create_agent(model, tools, middleware=[Guarded()])
with acme.agent("reader", principal="user:alice@acme.example", task="T-1", scope="read_file(path under '/data/q3')"):
    graph.invoke({"messages": [...]})
```

Without a framework, [`libagentid.tools.guarded`](guides/python.md#the-current-agent) decorates functions. HTTP, gRPC and SPIFFE have pages of their own.

## What was tested

This table is written by `scripts/integrations.py` from a run of `make test-integrations`: each against the real package, in an environment of its own, with a scripted
model. Lines are those that a user adds.

| framework | tested with | tests | lines | guarded | a narrower agent is |
|---|---|---|---|---|---|
"""
TAIL = """
In each of them one contract is tested, synchronously and asynchronously where the framework has both
([contract.py](../Tests/Integrations/contract.py); MCP and LangChain have more of their own):

* what is not permitted never runs, of many calls at once as well; the model reads why;
* a default that the model leaves out is decided like an argument (a server's guard, of MCP, A2A, HTTP or gRPC, decides what the client sent: an argument that a grant has with a `?` may be
  left out there, and the server's own default is then used, whatever the grant says of it);
* after a revocation nothing runs; outside of any agent nothing runs; of several runs at once each is decided as its own agent;
* **it fails closed**: the guard raises, the audit log is full, the operator's log raises, memory runs out, the framework's own hook raises: the
  tool does not run. (CrewAI swallows what a hook raises, and runs the tool, unless it is `HookAborted`: here everything is.)

## What to know

* Where the table says "tools shown" the model is shown the tools that its agent may call. In the others (Claude Agent SDK, CrewAI, smolagents, Haystack,
  Agno) it still reads of all tools that you gave to the agent, since they have no hook in the place where the guard is: give an agent the
  tools of its task. What it calls is decided all the same.
* A model that names a tool which it was not shown gets an answer of its framework, if that knows only the tools shown: Pydantic AI says that there is none of this name, OpenAI
  Agents ends the run (`ModelBehaviorError`). The tool does not run; as nothing was decided, the log has no entry.
* Put the guard last among middleware, plugins and hooks: what it decides is what runs. One that comes after it and changes a call does not get it through: the call is an error
  that says so (LangChain, Google ADK, Agno, Microsoft Agent Framework, CrewAI, an MCP server of the SDK 2.x), or is decided as it was changed (Claude Agent SDK, but for hooks of the CLI's own settings files). In
  Strands and Pydantic AI the guard is the last one by itself.
* A guarded tool or workbench is made in code: Haystack and AutoGen cannot write it to a file, which would not have the guard (`NotGuarded`).
* Tools that run at the model's provider, and tools or agents that a guard sees and cannot guard, raise `NotGuarded`: nothing runs unguarded
  because it was forgotten. An agent of which a guard sees nothing, such as one that a tool's code makes by itself, it cannot refuse, except in LangChain,
  where each tool that starts inside a guarded run must have been decided.
* Threads that a framework, or a tool, starts without its context know of no agent: calls in them are refused.
* MCP carries chain and proof in each request's `_meta` (`io.agentid/chain`, `io.agentid/proof`), over stdio and HTTP; a request that is neither a call of a tool nor
  listing needs a grant for its method: `resources/read(uri: *)`, [and `methods/acme/reindex`](guides/mcp.md) for one that the specification does not have. A guard with `require_nonce` puts a nonce beside its denial (`io.agentid/nonce`), and
  `prove_calls` sends the request once more with it. [A session's own streams](guides/mcp.md#over-streamable-http) are not decided. [Servers in other languages](guides/mcp.md) get a guard from `agentidctl mcp guard`, which the Python package brings.
* A flow that Langflow's server runs is in no `with` block of yours: `start_agent` of a `GuardedAgent` starts an agent for each run, which ends with it. Whose it is does not
  come from a component's inputs, which a caller of the server can set. Langflow's older agents (tool-calling, CSV, SQL, JSON and OpenAPI agents) run by LangChain's
  `AgentExecutor`, which has no place for a guard: a flow that has one beside a guarded agent raises `NotGuarded`; one of them alone is not seen. Nor are components that a flow runs by its
  edges, which no model calls.
* LangGraph's interrupts: `guarded_graph(graph, acme, profile=..., scope=..., principal=lambda config: ...)` of
  `libagentid.integrations.langgraph` starts an agent for a thread, parks it in an interrupt, and unparks it on resume, in whatever process; the resumed call is decided anew. The parked agent is found by profile, principal and thread, not by what a checkpoint says.
  The agents of named and nested graphs are parked with it, and go on in the graph of their name with the same tools.
* A package that is missing or too old raises `ImportError`, which says what to install.

[What all this stops](incidents.md), and what it does not.

## LangGraph, and an MCP server behind FastAPI

`pip install 'libagentid[langchain,mcp,fastapi]' langchain-mcp-adapters uvicorn`. The authority is made once, with `agentidctl` as [here](guides/mcp.md) or as in the
[five minutes](quickstart.md); the server reads its directory. In the server, a line after the tools:

```python from examples/integrations/mcp_fastapi.py
from libagentid.http import guarding
from libagentid.integrations.mcp import guard_server, prove_calls

    guard_server(server, guarding(directory, audience="mcp://files"))

    app.mount("/", server.streamable_http_app())  # after the routes of your own
```

In the agent's process, a session that is kept, and proves its calls:

```python from examples/integrations/mcp_fastapi.py
    with acme.agent("reader", principal="user:alice@acme.example", task="T-1", scope="read_file(path under '/data/q3')"):
        async with client.session("files") as session:
            prove_calls(session, audience="mcp://files")
            tools = await load_mcp_tools(session)
```

[The whole program](../examples/integrations/mcp_fastapi.py) prints what the model reads. `client.get_tools()` opens a session for each call, which proves nothing: its list is empty, and its
calls are denied (`chain_empty`). The server decides whatever its clients are; `Guarded()` in the graph decides the agent's other tools as well, and shows the model its own. The guard is the
MCP server's: [`GuardMiddleware`](guides/http.md) goes before routes of your own, not before `/mcp`, whose requests it would take for calls.

## In short

"""


def docstring(module):
    path = GLUE / module / "__init__.py" if (GLUE / module).is_dir() else GLUE / f"{module}.py"
    return ast.get_docstring(ast.parse(path.read_text()), clean=False) or ""


def snippet(module):
    """The example of a module's docstring: its indented lines."""
    return [line[4:] for line in docstring(module).splitlines() if line.startswith("    ")]


def lines(result, module):
    if module is None:
        return "–"
    example = EXAMPLES / f"{result.replace('-', '_')}.py"
    if example.exists():
        return sum(bool(re.search(r"# guard\b", line)) for line in example.read_text().splitlines())
    return 1 + sum(bool(re.search(r"guard|Guarded|acme\.agent|prove_calls", line)) for line in snippet(module))  # and the import


def page():
    tested = {path.parent.name for path in (ROOT / "Tests/Integrations").glob("*/requirements.txt")} - LEFT_OUT
    made = {path.stem for path in GLUE.glob("[a-z]*.py")} | {path.parent.name for path in GLUE.glob("*/__init__.py")}
    for what, there, told in (("tested", tested, {row[1] for row in ROWS}), ("an integration", made - {"langgraph"}, {row[2] for row in ROWS} - {None})):
        if there != told:
            sys.exit(f"what is {what} and what the table has differ: {', '.join(sorted(there ^ told))}")
    text, shown = HEAD, set()
    for name, result, module, guarded, below in ROWS:
        found = json.loads((RESULTS / f"{result}.json").read_text())
        versions = ", ".join(f"{package} {version}" for package, version in found["versions"].items())
        text += f"| {name} | {versions} | {found['tests']} | {lines(result, module)} | {guarded} | {below} |\n"
    text += TAIL
    for name, result, module, *_ in ROWS:
        if module in shown or module is None:
            continue
        shown.add(module)
        example = EXAMPLES / f"{result.replace('-', '_')}.py"
        whole = f"[The whole of it](../examples/integrations/{example.name}), which runs without a model's provider. " if example.exists() else ""
        extra = module.replace("_", "-")
        text += f"### {name.split(',')[0]}\n\n{whole}`pip install 'libagentid[{extra}]'`, `from libagentid.integrations.{module} import ...`\n\n```python\n"
        text += "\n".join(snippet(module)).strip("\n") + "\n```\n\n"
    return text.rstrip("\n") + "\n"


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if PAGE.read_text() == page() else f"{PAGE.name} is not what the run says: scripts/integrations.py")
    PAGE.write_text(page())
    print(f"{PAGE.relative_to(ROOT)}: {len(ROWS)} rows")
