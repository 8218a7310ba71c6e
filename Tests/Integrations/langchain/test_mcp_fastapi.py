"""LangGraph, whose tools are those of an MCP server behind FastAPI: the example of docs/integrations.md, and what is forgotten there."""

import asyncio
import importlib.util
import pathlib
import socket
import subprocess
import sys
from contextlib import asynccontextmanager

import libagentid
import pytest
import uvicorn
from langchain_mcp_adapters.client import MultiServerMCPClient
from libagentid.http import guarding
from libagentid.integrations.mcp import guard_server
from mcp.server.fastmcp import FastMCP

EXAMPLE = pathlib.Path(__file__).resolve().parents[3] / "examples/integrations/mcp_fastapi.py"
SAID = """human: What does the report say?
ai:
tool: the text of /data/q3/report
ai:
tool: Denied: path of read_file must be under "/data/q3" [argument_constraint_
ai: That is all.
"""


def test_the_example_runs():
    done = subprocess.run([sys.executable, str(EXAMPLE)], capture_output=True, text=True, timeout=600)
    assert [line.rstrip() for line in done.stdout.splitlines()] == SAID.splitlines(), done.stderr


@asynccontextmanager
async def serving(directory, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))  # of which the example takes the first away
    spec = importlib.util.spec_from_file_location("mcp_fastapi", EXAMPLE)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(example.application(str(directory)), log_level="error"))
    running = asyncio.create_task(server.serve([listening]))
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
    server.should_exit = True
    await running


def test_a_session_that_proves_nothing_is_shown_nothing_and_calls_nothing(agent, directory, monkeypatch):
    async def main():
        async with serving(directory, monkeypatch) as url:
            client = MultiServerMCPClient({"files": {"transport": "streamable_http", "url": url}})
            assert await client.get_tools() == []
            async with client.session("files") as session:
                return await session.call_tool("read_file", {"path": "/data/a"})

    result = asyncio.run(main())
    assert result.isError and "chain_empty" in result.content[0].text


def test_a_guard_is_made_in_each_worker_and_what_is_none_is_refused(directory):
    opened = []

    def guard():
        opened.append(True)
        raise libagentid.StateError(9, "forked", "x", "", None)

    guard_server(FastMCP("files"), guard)
    guard_server(FastMCP("files"), guarding(directory, audience="mcp://files"))
    assert not opened, "nothing is opened before the fork"
    for wrong in ("./acme", None):
        with pytest.raises(TypeError, match="guarding"):
            guard_server(FastMCP("files"), wrong)
