"""A WSGI application, here of Flask, behind a guard, called with requests as an agent: python http_wsgi.py

Needs `pip install 'libagentid[requests]' flask`. Under `gunicorn --preload` each worker makes its guard after it was forked.
"""

import tempfile
import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server

import flask
import libagentid
import requests
from libagentid.http import guarding
from libagentid.http.requests import AgentAuth
from libagentid.http.wsgi import GuardMiddleware, permit_of

ROUTES = {"GET /reports/{name}": "read_report"}


def application(directory: str) -> flask.Flask:
    app = flask.Flask(__name__)

    @app.get("/reports/<name>")
    def read_report(name: str) -> str:
        agent = permit_of(flask.request.environ).document["chain"][-1]["agent"]
        return f"the report {name}, for {agent.split('/')[-2]}"

    app.wsgi_app = GuardMiddleware(app.wsgi_app, guard=guarding(directory, audience="reports"), routes=ROUTES)
    return app


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        libagentid.Authority.open(f"{folder}/acme", trust_domain="acme.example") as acme,
    ):
        acme.put_profile("clerk", owner="team:reports@acme.example", ceiling="read_report(name: *)")
        server = make_server("127.0.0.1", 0, application(f"{folder}/acme"), handler_class=Quiet)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with (
            acme.agent("clerk", principal="user:alice@acme.example", task="Q3", scope="read_report(name like 'q3-*')"),
            requests.Session() as session,
        ):
            session.auth = AgentAuth(audience="reports", routes=ROUTES)
            for name in ("q3-sales", "salaries"):
                answer = session.get(f"http://127.0.0.1:{server.server_port}/reports/{name}")
                print(answer.status_code, answer.text if answer.ok else answer.json()["reason"])
        server.shutdown()


if __name__ == "__main__":
    main()
