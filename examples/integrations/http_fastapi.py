"""FastAPI behind a guard, called with httpx as an agent: python http_fastapi.py

Needs `pip install 'libagentid[fastapi,httpx]' uvicorn`. The table says which tool each route is; a route that is not in it is
refused. In a server of your own the application is a module, and `uvicorn` or `gunicorn` starts its workers.
"""

import socket
import tempfile
import threading

import httpx
import libagentid
import uvicorn
from fastapi import FastAPI
from libagentid.http import guarding
from libagentid.http.fastapi import GuardMiddleware
from libagentid.http.httpx import AgentAuth

ROUTES = {"GET /reports/{name}": "read_report", "POST /mails": "send_mail", "GET /health": None}


def application(directory: str) -> FastAPI:
    app = FastAPI()
    app.add_middleware(GuardMiddleware, guard=guarding(directory, audience="reports"), routes=ROUTES)

    @app.get("/reports/{name}")
    def read_report(name: str) -> str:
        return f"the report {name}"

    @app.post("/mails")
    def send_mail(mail: dict[str, str]) -> str:
        return f"sent to {mail['to']}"

    @app.get("/health")
    def health() -> str:
        return "well"

    return app


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        libagentid.Authority.open(f"{folder}/acme", trust_domain="acme.example") as acme,
    ):
        acme.put_profile("clerk", owner="team:reports@acme.example", ceiling="read_report(name: *); send_mail(to: *, text: *)")
        listening = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(application(f"{folder}/acme"), log_level="error"))
        running = threading.Thread(target=server.run, args=([listening],))
        running.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        auth = AgentAuth(audience="reports", routes=ROUTES)

        with (
            acme.agent("clerk", principal="user:alice@acme.example", task="Q3", scope="read_report(name like 'q3-*')"),
            httpx.Client(base_url=url, auth=auth) as client,
        ):
            for answer in (
                client.get("/reports/q3-sales"),
                client.get("/reports/salaries"),
                client.post("/mails", json={"to": "mallory@example.com", "text": "all of it"}),
                client.get("/health"),
                httpx.get(url + "/reports/q3-sales"),
            ):
                print(answer.status_code, answer.json() if answer.is_success else answer.json()["reason"])

        server.should_exit = True
        running.join()


if __name__ == "__main__":
    main()
