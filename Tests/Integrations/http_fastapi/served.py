"""The applications that the tests serve: one of FastAPI, one of Flask; AGENTID_DIRECTORY names the authority."""

import os
from typing import Annotated

import flask
from fastapi import Body, Depends, FastAPI
from fastapi.responses import RedirectResponse, StreamingResponse
from libagentid import Decision
from libagentid.http import ResourceMetadata, guarding, wsgi
from libagentid.http.fastapi import GuardMiddleware, Permitted

ROUTES = {
    "GET /users/{id}": "get_user", "POST /notes/{name}": "write", "GET /health": None, "GET /moved": "moved",
    "POST /wrong": "get_user", "GET /forgotten": None, "GET /openapi.json": None, "GET /static/{path:path}": None,
}  # fmt: skip
SETTINGS = {
    "guard": guarding(os.environ["AGENTID_DIRECTORY"], audience="files"),
    "routes": ROUTES,
    "metadata": ResourceMetadata("https://files.example", authorization_servers=["https://as.example"]),
    "max_body": 100_000,
}

app = FastAPI()
app.add_middleware(GuardMiddleware, **SETTINGS)


@app.get("/users/{id}")
async def get_user(id: str, permit: Annotated[Decision, Depends(Permitted("get_user"))], full: str = "") -> dict:
    return {"id": id, "full": full, "permitted": permit.permitted, "worker": os.getpid()}


@app.post("/notes/{name}")
def write(name: str, text: Annotated[str, Body(embed=True)], permit: Annotated[Decision, Depends(Permitted("write"))]):
    return StreamingResponse((f"{name} {text[index]}\n" for index in range(len(text))), media_type="text/plain")


@app.get("/health")
def health() -> str:
    return "well"


@app.get("/moved")
def moved():
    return RedirectResponse("/users/7")


@app.post("/wrong")
def wrong(permit: Annotated[Decision, Depends(Permitted("write"))]) -> str:
    raise AssertionError("a handler ran under the permit of another tool")


@app.get("/forgotten")
def forgotten(permit: Annotated[Decision, Depends(Permitted("get_user"))]) -> str:
    raise AssertionError("a handler ran without a permit")


@app.get("/unnamed")
def unnamed() -> str:
    raise AssertionError("a route without a tool ran")


site = flask.Flask(__name__)


@site.get("/users/<id>")
def flask_user(id):
    permit = wsgi.permit_of(flask.request.environ)
    return {"id": id, "full": flask.request.args.get("full", ""), "permitted": permit.permitted, "worker": os.getpid()}


@site.post("/notes/<name>")
def flask_write(name):
    text = flask.request.get_json()["text"]
    return flask.Response(f"{name} {letter}\n" for letter in text)


@site.get("/health")
def flask_health():
    return "well"


@site.get("/moved")
def flask_moved():
    return flask.redirect("/users/7", 307)


site.wsgi_app = wsgi.GuardMiddleware(site.wsgi_app, **SETTINGS)
