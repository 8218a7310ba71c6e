#!/usr/bin/env python3
"""Writes the table of docs/integrations.md, from what `make test-integrations` left in .build-integrations/results, and what the page has in
short, from docstrings. `--check`: fails where it differs in anything but a run's results.

The page's own text stays as it is, and so does a row of what was not run here. Versions and numbers of tests are those of the run. Lines a user adds are those that end with `# guard` in examples/integrations,
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
TABLE, SHORT = "| framework | tested with |", "## In short\n"


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


def page(run=True):
    tested = {path.parent.name for path in (ROOT / "Tests/Integrations").glob("*/requirements.txt")} - LEFT_OUT
    made = {path.stem for path in GLUE.glob("[a-z]*.py")} | {path.parent.name for path in GLUE.glob("*/__init__.py")}
    for what, there, told in (("tested", tested, {row[1] for row in ROWS}), ("an integration", made - {"langgraph"}, {row[2] for row in ROWS} - {None})):
        if there != told:
            sys.exit(f"what is {what} and what the table has differ: {', '.join(sorted(there ^ told))}")
    text = PAGE.read_text().partition(SHORT)[0]
    before, table, after = text.partition(TABLE)
    head, ruler, *old = (table + after).partition("\n\n")[0].splitlines()
    cells = {row[1]: row[2:4] for row in (re.split(r" ?\| ?", each) for each in old)}
    rows = []
    for name, result, module, guarded, below in ROWS:
        versions, tests = cells.get(name, ("not run", ""))
        if run and (RESULTS / f"{result}.json").exists():
            found = json.loads((RESULTS / f"{result}.json").read_text())
            versions, tests = ", ".join(f"{package} {version}" for package, version in found["versions"].items()), found["tests"]
        rows.append(f"| {name} | {versions} | {tests} | {lines(result, module)} | {guarded} | {below} |")
    text = before + "\n".join([head, ruler, *rows]) + after[after.index("\n\n"):] + SHORT + "\n"
    shown = set()
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
        sys.exit(0 if PAGE.read_text() == page(run=False) else f"{PAGE.name} is not what docstrings and examples say: scripts/integrations.py")
    PAGE.write_text(page())
    print(f"{PAGE.relative_to(ROOT)}: {len(ROWS)} rows")
