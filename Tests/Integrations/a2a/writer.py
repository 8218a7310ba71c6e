"""An agent that others send messages to: its server in this process, over JSON-RPC, REST or gRPC, and a client for it."""

import contextlib

import grpc
import httpx
from a2a.client import ClientConfig, ClientFactory
from a2a.client.card_resolver import A2ACardResolver
from a2a.helpers.proto_helpers import new_text_message
from a2a.server.agent_execution import AgentExecutor
from a2a.server.request_handlers import DefaultRequestHandler, GrpcHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes, create_rest_routes
from a2a.server.tasks import InMemoryTaskStore
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, Message, Part, Role, SendMessageRequest
from a2a.types.a2a_pb2_grpc import add_A2AServiceServicer_to_server
from starlette.applications import Starlette

WAYS = ["JSONRPC", "HTTP+JSON", "GRPC"]
URL = "http://writer"


class Writer(AgentExecutor):
    """Says what it was told, and for whom."""

    def __init__(self, ran):
        self.ran = ran

    async def execute(self, context, event_queue):
        user = context.call_context.user
        told = context.get_user_input()
        self.ran.append((told, getattr(user, "principal", None)))
        if told == "boom":
            raise ValueError("boom")
        await event_queue.enqueue_event(new_text_message(f"wrote {told}"))

    async def cancel(self, context, event_queue):
        raise AssertionError("nothing is cancelled")


def card(way, url, tenant=""):
    return AgentCard(
        name="writer", description="Writes.", version="1", default_input_modes=["text/plain"], default_output_modes=["text/plain"],
        capabilities=AgentCapabilities(streaming=True),
        supported_interfaces=[AgentInterface(url=url, protocol_binding=way, protocol_version="1.0", tenant=tenant)],
    )  # fmt: skip


def handler(ran, about):
    return DefaultRequestHandler(agent_executor=Writer(ran), task_store=InMemoryTaskStore(), agent_card=about)


def application(served, about):
    routes = [*create_agent_card_routes(about), *create_jsonrpc_routes(served, rpc_url="/rpc"), *create_rest_routes(served)]
    return Starlette(routes=routes)


@contextlib.asynccontextmanager
async def client_of(guarding, ran, way, interceptors=(), *, streaming=True, tenant=""):
    """A client of the server; `guarding` puts the guard before the handler, or leaves that as it is."""
    if way == "GRPC":
        server = grpc.aio.server()
        port = server.add_insecure_port("127.0.0.1:0")
        about = card(way, f"127.0.0.1:{port}", tenant)
        add_A2AServiceServicer_to_server(GrpcHandler(guarding(handler(ran, about))), server)
        await server.start()
        config = ClientConfig(
            streaming=streaming, supported_protocol_bindings=[way], grpc_channel_factory=grpc.aio.insecure_channel
        )
        try:
            async with ClientFactory(config).create(about, interceptors=list(interceptors)) as client:
                yield client
        finally:
            await server.stop(None)
        return
    about = card(way, f"{URL}/rpc" if way == "JSONRPC" else URL, tenant)
    served = application(guarding(handler(ran, about)), about)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(served), base_url=URL) as sender:
        found = await A2ACardResolver(sender, URL).get_agent_card()
        config = ClientConfig(streaming=streaming, supported_protocol_bindings=[way], httpx_client=sender)
        yield ClientFactory(config).create(found, interceptors=list(interceptors))


def request(text, **more):
    return SendMessageRequest(message=Message(role=Role.ROLE_USER, message_id="m-1", parts=[Part(text=text)], **more))


async def said(client, text, **more):
    """What the agent answers to a message."""
    return ["".join(part.text for part in event.message.parts) async for event in client.send_message(request(text, **more))]
