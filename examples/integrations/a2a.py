"""An agent that serves others over A2A, and one that asks it: python a2a.py. Needs `pip install 'libagentid[a2a]'`."""

import asyncio
import sys

sys.path.pop(0)  # this file has the name of a package

import httpx
import libagentid
from a2a.client import ClientConfig, ClientFactory
from a2a.helpers.proto_helpers import new_text_message
from a2a.server.agent_execution import AgentExecutor
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, Message, Part, Role, SendMessageRequest
from libagentid.integrations.a2a import AgentInterceptor, guard_handler  # guard
from starlette.applications import Starlette

acme = libagentid.Authority.open(trust_domain="acme.example")
acme.put_profile("researcher", owner="team:data@acme.example", ceiling="a2a/send_message; a2a/get_task")

URL = "http://writer.example/rpc"
interface = AgentInterface(url=URL, protocol_binding="JSONRPC", protocol_version="1.0")
card = AgentCard(
    name="writer", description="Writes.", version="1", supported_interfaces=[interface], default_input_modes=["text/plain"],
    default_output_modes=["text/plain"], capabilities=AgentCapabilities(streaming=False),
)  # fmt: skip


class Writer(AgentExecutor):
    async def execute(self, context, event_queue):
        user = context.call_context.user  # an AgentUser: whoever got this far was permitted
        await event_queue.enqueue_event(new_text_message(f"written for {user.principal}"))

    async def cancel(self, context, event_queue):
        raise AssertionError("nobody was granted this")


handler = DefaultRequestHandler(agent_executor=Writer(), task_store=InMemoryTaskStore(), agent_card=card)
guarded = guard_handler(handler, acme.guard(audience="a2a://writer"))  # guard; elsewhere: Guard.open_directory("./acme", ...)
server = Starlette(routes=create_jsonrpc_routes(guarded, rpc_url="/rpc"))


async def main() -> None:
    message = Message(role=Role.ROLE_USER, message_id="m-1", parts=[Part(text="a report")])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(server)) as sender:  # in this process; usually over the network
        factory = ClientFactory(ClientConfig(streaming=False, httpx_client=sender))
        client = factory.create(card, interceptors=[AgentInterceptor(audience="a2a://writer")])  # guard
        for scope in ("a2a/send_message", "a2a/get_task"):
            with acme.agent("researcher", principal="user:alice@acme.example", task="T-1", scope=scope):
                try:
                    async for event in client.send_message(SendMessageRequest(message=message)):
                        print(event.message.parts[0].text)
                except Exception as error:
                    print(error)


asyncio.run(main())
