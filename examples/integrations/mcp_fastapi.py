"""LangGraph calls the tools of an MCP server that FastAPI serves, both guarded: python mcp_fastapi.py

Needs `pip install 'libagentid[langchain,mcp,fastapi]' langchain-mcp-adapters uvicorn`; the model here is scripted. In life the
server is a process of its own, which has the authority's directory, and the agent's process has the authority.
"""

import sys

sys.path.pop(0)  # files beside this one have names of packages

import asyncio
import contextlib
import socket
import tempfile

import libagentid
import uvicorn
from fastapi import FastAPI
from langchain.agents import create_agent
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_mcp_adapters.tools import load_mcp_tools
from libagentid.http import guarding
from libagentid.integrations.langchain import Guarded
from libagentid.integrations.mcp import guard_server, prove_calls
from mcp.server.fastmcp import FastMCP


def application(directory: str) -> FastAPI:
    server = FastMCP("files")

    @server.tool()
    def read_file(path: str) -> str:
        """Reads a file."""
        return f"the text of {path}"

    guard_server(server, guarding(directory, audience="mcp://files"))

    @contextlib.asynccontextmanager
    async def lifespan(_):
        async with server.session_manager.run():
            yield

    app = FastAPI(lifespan=lifespan)
    app.mount("/", server.streamable_http_app())  # after the routes of your own
    return app


class Scripted(GenericFakeChatModel):
    def bind_tools(self, tools, **_):
        return self


def asks(path: str) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": "read_file", "args": {"path": path}, "id": path}])


async def ask(acme: libagentid.Authority, url: str) -> None:
    client = MultiServerMCPClient({"files": {"transport": "streamable_http", "url": url}})
    with acme.agent("reader", principal="user:alice@acme.example", task="T-1", scope="read_file(path under '/data/q3')"):
        async with client.session("files") as session:
            prove_calls(session, audience="mcp://files")
            tools = await load_mcp_tools(session)
            model = Scripted(messages=iter([asks("/data/q3/report"), asks("/data/salaries"), AIMessage("That is all.")]))
            graph = create_agent(model, tools, middleware=[Guarded()])
            for message in (await graph.ainvoke({"messages": [("user", "What does the report say?")]}))["messages"]:
                print(f"{message.type}: {message.text[:72]}")


async def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        libagentid.Authority.open(f"{folder}/acme", trust_domain="acme.example") as acme,
    ):
        acme.put_profile("reader", owner="team:data@acme.example", ceiling="read_file(path under '/data')")
        listening = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(application(f"{folder}/acme"), log_level="error"))
        running = asyncio.create_task(server.serve([listening]))
        await ask(acme, f"http://127.0.0.1:{listening.getsockname()[1]}/mcp")
        server.should_exit = True
        await running


if __name__ == "__main__":
    asyncio.run(main())
