"""A gRPC server behind a guard, called as an agent: python grpc_python.py

Needs `pip install 'libagentid[grpc]'`. The messages are `google.protobuf.Struct`, so that nothing has to be generated; with a .proto file
of your own, the fields of a request are the arguments of its tool.
"""

import concurrent.futures
import tempfile

import grpc
import libagentid
from google.protobuf.struct_pb2 import Struct
from libagentid.grpc import AgentInterceptor, GuardInterceptor, guarding

TOOLS = {"/files.Files/Read": "read_file", "/files.Files/Ping": None}


def read(request: Struct, context: grpc.ServicerContext) -> Struct:
    answer = Struct()
    answer.update({"text": f"the text of {request['path']}"})
    return answer


def serve(directory: str) -> tuple[grpc.Server, str]:
    guard = GuardInterceptor(TOOLS, guard=guarding(directory, audience="files"))
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4), interceptors=[guard])
    method = grpc.unary_unary_rpc_method_handler(read, Struct.FromString, Struct.SerializeToString)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("files.Files", {"Read": method, "Write": method})])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, f"127.0.0.1:{port}"


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        libagentid.Authority.open(f"{folder}/acme", trust_domain="acme.example") as acme,
    ):
        acme.put_profile("clerk", owner="team:files@acme.example", ceiling="read_file(path under '/data')")
        server, address = serve(f"{folder}/acme")
        bare = grpc.insecure_channel(address)
        channel = grpc.intercept_channel(bare, AgentInterceptor(TOOLS, audience="files"))
        with acme.agent("clerk", principal="user:alice@acme.example", task="Q3", scope="read_file(path under '/data/q3')"):
            for through, method, path in (
                (channel, "Read", "/data/q3/a.csv"),
                (channel, "Read", "/data/salaries.csv"),
                (bare, "Read", "/data/q3/a.csv"),
                (bare, "Write", "/data/q3/a.csv"),
            ):
                request = Struct()
                request.update({"path": path})
                call = through.unary_unary(f"/files.Files/{method}", Struct.SerializeToString, Struct.FromString)
                try:
                    print("OK", call(request)["text"])
                except grpc.RpcError as refused:
                    print(refused.code().name, refused.details())
        server.stop(None).wait()


if __name__ == "__main__":
    main()
