"""Two trust domains that federate: an agent of one, known by its X.509-SVID alone, gets an agent in the other: python spiffe.py

Needs `pip install 'libagentid[spiffe]'`. Here both are in one process; in life each has its own, and they exchange bundles.
"""

import socket
import sys
import tempfile
import threading

sys.path.pop(0)  # this file has the name of a package

import libagentid
from libagentid.spiffe import TLS, Bundles, Exchange, Issuer, Source, Workload
from libagentid.spiffe.workload import WorkloadAPI, fetch_svid


def serve(listener: socket.socket, context: TLS, exchange: Exchange) -> None:
    """Corp's end: whoever connects with an SVID that it knows gets an agent, and reads a file as that."""
    with listener.accept()[0] as accepted, context.wrap_socket(accepted, server_side=True) as connection:
        path = connection.recv(1000).decode()
        with exchange.from_peer(connection, task="read a report", scope="read_file(path under '/reports')") as agent:
            try:
                agent.authorize("read_file", {"path": path})
                connection.sendall(f"the text of {path}, read for {connection.peer.spiffe_id.path.split('/')[2]}".encode())
            except libagentid.Denied as denied:
                connection.sendall(f"denied: {denied.message}".encode())


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        libagentid.Authority.open(f"{folder}/acme", trust_domain="acme.example") as acme,
        libagentid.Authority.open(f"{folder}/corp", trust_domain="corp.example") as corp,
        Issuer.open(acme, f"{folder}/acme-x509", trust_domain="acme.example") as acme_issuer,
        Issuer.open(corp, f"{folder}/corp-x509", trust_domain="corp.example") as corp_issuer,
    ):
        acme.put_profile("researcher", owner="team:data@acme.example", ceiling="search(query: *)")
        corp.put_profile("guest", owner="team:files@corp.example", ceiling="read_file(path under '/reports')")
        corp.put_profile("files", owner="team:files@corp.example", ceiling="serve")
        bundles = Bundles([acme_issuer.bundle(), corp_issuer.bundle()])

        # Corp: what workloads of acme get, and a server that shows an SVID of its own.
        rules = [
            Workload("spiffe://acme.example/agent/researcher/", profile="guest", scope="read_file(path under '/reports/q3')")
        ]
        exchange = Exchange(corp, rules, bundles=bundles, audience="https://agents.corp.example")
        files = corp.agent("files", principal="team:files@corp.example", task="serve", scope="serve")
        server = TLS.server(Source(corp_issuer, files).svid, bundles, peers=["spiffe://acme.example/agent/researcher/"])

        # Acme: an agent whose process gets its SVID from a Workload API, at the socket that is the agent's own.
        with (
            acme.agent("researcher", principal="user:alice@acme.example", task="Q3", scope="search(query: *)") as agent,
            WorkloadAPI(f"{folder}/sockets", acme_issuer) as api,
            socket.create_server(("127.0.0.1", 0)) as listener,
        ):
            address = api.serve(agent)
            client = TLS.client(lambda: fetch_svid(address), bundles, peers=[files.id])
            for path in ("/reports/q3/sales", "/reports/salaries"):
                thread = threading.Thread(target=serve, args=(listener, server, exchange))
                thread.start()
                with client.wrap_socket(socket.create_connection(listener.getsockname())) as connection:
                    connection.sendall(path.encode())
                    print(connection.recv(1000).decode())
                thread.join()
            acme.suspend(agent)
            try:
                client.wrap_socket(socket.create_connection(listener.getsockname()))
            except Exception as error:
                print(f"suspended: {type(error).__name__}")
        exchange.close()


if __name__ == "__main__":
    main()
