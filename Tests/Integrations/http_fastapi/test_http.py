"""FastAPI under uvicorn, Flask under gunicorn's workers, that are forked after the application was loaded; httpx and requests."""

import asyncio
import concurrent.futures
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import Annotated
from wsgiref.simple_server import WSGIRequestHandler, make_server

import bottle
import fastapi
import httpx
import libagentid
import pytest
import requests
from libagentid.http import Refusal, Request, asgi, guarding, wsgi
from libagentid.http._client import Presenter
from libagentid.http._sending import wanted_nonce
from libagentid.http._site import Site
from libagentid.http.httpx import AgentAuth, Redirected
from libagentid.http.requests import AgentAuth as RequestsAuth
from pyramid.config import Configurator
from pyramid.response import Response

HERE = pathlib.Path(__file__).parent
SCOPE = "get_user(id: *, full?: *); write(name: *, text: *); moved"
ROUTES = {"GET /users/{id}": "get_user", "POST /notes/{name}": "write", "GET /moved": "moved", "GET /health": None}
GUNICORN = ["-m", "gunicorn", "--workers=2", "--threads=4", "--preload", "--log-level=error", "--keep-alive=5"]
SERVERS = {
    "uvicorn": lambda port: ["-m", "uvicorn", "--port", port, "--log-level", "error", "served:app"],
    "gunicorn": lambda port: [*GUNICORN, "-b", f"127.0.0.1:{port}", "served:site"],
}


@pytest.fixture(scope="session")
def where(tmp_path_factory):
    return tmp_path_factory.mktemp("web") / "acme"


@pytest.fixture(scope="session")
def web(where):
    with libagentid.Authority.open(where, trust_domain="acme.example") as acme:
        acme.put_profile("web", owner="team:web@acme.example", ceiling=SCOPE, max_depth=8)
        yield acme


@pytest.fixture(scope="session", params=list(SERVERS))
def url(request, web, where):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    variables = {**os.environ, "AGENTID_DIRECTORY": str(where)}
    server = subprocess.Popen([sys.executable, *SERVERS[request.param](port)], cwd=HERE, env=variables)
    try:
        for _ in range(6000):
            try:
                requests.get(f"http://127.0.0.1:{port}/health", timeout=5)
                break
            except requests.ConnectionError:
                assert server.poll() is None
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


@pytest.fixture
def agent(web):
    with web.agent("web", principal="user:alice@acme.example", task="t", scope=SCOPE, max_depth=8) as agent:
        yield agent


@pytest.fixture
def deep(agent):
    """An agent whose chain is longer than is sent."""
    with agent.spawn("a", same_scope=True) as a, a.spawn("b", same_scope=True) as b, b.spawn("c", same_scope=True) as c:
        assert len(c.chain) > 4096
        yield c


def auth(agent, kind=AgentAuth):
    return kind(agent, audience="files", routes=ROUTES)


def test_a_client_does_not_say_where_the_application_is_mounted(url, agent):
    # To gunicorn this is /moved of an application at /static: a route that is exempt, and one that is not.
    moved = requests.get(f"{url}/static/moved", headers={"SCRIPT_NAME": "/static"}, allow_redirects=False, timeout=30)
    assert moved.status_code in (400, 404)


def test_requests_are_calls(url, agent):
    with httpx.Client(base_url=url, auth=auth(agent)) as one, requests.Session() as two:
        two.auth = auth(agent, RequestsAuth)
        for answer in (one.get("/users/7?full=yes"), two.get(url + "/users/7", params={"full": "yes"})):
            assert answer.status_code == 200
            assert {**answer.json(), "worker": 0} == {"id": "7", "full": "yes", "permitted": True, "worker": 0}
        for answer in (one.post("/notes/a%20b", json={"text": "hi"}), two.post(url + "/notes/a b", json={"text": "hi"})):
            assert (answer.status_code, answer.text) == (200, "a b h\na b i\n")
        assert one.get("/health").status_code == two.get(url + "/health").status_code == 200


def test_streamed_bodies_are_proven_and_streamed_answers_come(url, agent):
    kind = {"Content-Type": "application/json"}

    def parts():
        yield b'{"text":'
        yield b' "hi"}'

    async def later():
        for part in parts():
            yield part

    async def main():
        async with httpx.AsyncClient(base_url=url, auth=auth(agent)) as client:
            return (await client.post("/notes/n", content=later(), headers=kind)).text

    with httpx.Client(base_url=url, auth=auth(agent)) as client:
        assert client.post("/notes/n", content=parts(), headers=kind).text == "n h\nn i\n"
        with client.stream("POST", "/notes/n", json={"text": "hi"}) as answer:
            assert list(answer.iter_lines()) == ["n h", "n i"]
    assert asyncio.run(main()) == "n h\nn i\n"
    assert requests.post(url + "/notes/n", data=parts(), headers=kind, auth=auth(agent, RequestsAuth)).text == "n h\nn i\n"


def test_parallel_requests_over_kept_connections(url, agent):
    async def main():
        async with httpx.AsyncClient(base_url=url, auth=auth(agent), timeout=60) as client:
            return await asyncio.gather(*(client.get(f"/users/{index}") for index in range(60)))

    answers = asyncio.run(main())
    assert [answer.json()["id"] for answer in answers] == [str(index) for index in range(60)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool, requests.Session() as session:
        session.auth = auth(agent, RequestsAuth)
        assert [a.status_code for a in pool.map(lambda i: session.get(f"{url}/users/{i}"), range(40))] == [200] * 40


def bare_wsgi(environ, start_response):
    start_response("200 OK", [])
    return [b"ran"]


async def bare_asgi(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ran"})


@pytest.fixture(params=["asgi", "wsgi"])
def asking(request, web):
    """A guarded application whose guard asks for nonces, in this process: a transport for httpx."""
    with web.guard(audience="files", require_nonce=True) as guard:
        if request.param == "wsgi":
            yield httpx.WSGITransport(wsgi.GuardMiddleware(bare_wsgi, guard=guard, routes=ROUTES))
        else:
            yield httpx.ASGITransport(asgi.GuardMiddleware(bare_asgi, guard=guard, routes=ROUTES))


def test_where_the_guard_asks_for_a_nonce_the_client_sends_the_request_once_more(asking, agent, deep):
    async def main(who, how):
        if isinstance(asking, httpx.WSGITransport):
            with httpx.Client(transport=asking, base_url="http://files", auth=how(who)) as client:
                return [client.get("/users/7").status_code, client.get("/users/8").status_code]
        async with httpx.AsyncClient(transport=asking, base_url="http://files", auth=how(who)) as client:
            return [(await client.get(path)).status_code for path in ("/users/7", "/users/8")]

    assert asyncio.run(main(agent, auth)) == [200, 200]
    assert asyncio.run(main(deep, auth)) == [200, 200]
    assert asyncio.run(main(agent, lambda _: None)) == [401, 401]
    assert asyncio.run(main(agent, lambda who: AgentAuth(who, audience="other", routes=ROUTES))) == [401, 401]


def test_a_nonce_is_given_where_it_is_wanting_and_nowhere_else(web, agent):
    with web.guard(audience="files", require_nonce=True) as guard:
        site = Site(guard, ROUTES, 1000, None)
        presenter = Presenter(agent, audience="files", routes=ROUTES)

        def answer(path, nonce):
            headers = presenter.sending("GET", f"http://files{path}", b"", None).headers(nonce=nonce)
            request = Request.of("GET", path.encode(), path, "", b"", None)
            try:
                return site.permit(site.calls("GET", path.encode()), request, [headers["Agent-Chain"]], [headers["Agent-Proof"]])
            except Refusal as refusal:
                return refusal.reason, dict(refusal.headers).get("Agent-Nonce")

        reason, nonce = answer("/users/7", None)
        assert reason == "nonce_required" and nonce
        assert answer("/users/7", nonce).call.tool == "get_user"
        assert answer("/users/7", nonce) == ("replayed", None)
        reason, another = answer("/users/7", "made-up")
        assert reason == "nonce_invalid" and another != nonce


@pytest.mark.parametrize(
    ("method", "path", "kind", "reason"),
    [
        ("WEBSOCKET", "/users/7", None, "call"),
        ("POST", "/notes/a", "application/x-www-form-urlencoded, a+json", "content_type"),
        ("POST", "/notes/a", "application/a b+json", "content_type"),
    ],
)  # fmt: skip
def test_what_a_framework_could_read_otherwise_is_refused(web, agent, method, path, kind, reason):
    async def main():
        with web.guard(audience="files") as guard:
            routes = {**ROUTES, "WEBSOCKET /users/{id}": None}
            served = httpx.ASGITransport(asgi.GuardMiddleware(bare_asgi, guard=guard, routes=routes))
            async with httpx.AsyncClient(transport=served, base_url="http://files") as client:
                return await client.request(method, path, content=b'{"text":"t"}', headers={"Content-Type": kind} if kind else {})

    answer = asyncio.run(main())
    assert answer.status_code in (400, 415) and answer.json()["reason"] == reason


@pytest.mark.parametrize("nonce", ["", "x" * 200, "a\nb", "ä"])
def test_what_cannot_be_a_nonce_is_not_signed(nonce):
    assert wanted_nonce(401, {"Agent-Nonce": nonce}) is None
    assert wanted_nonce(403, {"Agent-Nonce": "good"}) is None and wanted_nonce(401, {"Agent-Nonce": "good"}) == "good"


def by_bottle():
    app = bottle.Bottle()
    app.post("/notes/<name>")(lambda name: bottle.request.params.get("admin", "nobody"))
    return app


def by_pyramid():
    with Configurator() as config:
        config.add_route("notes", "/notes/{name}")
        config.add_view(lambda request: Response(request.params.get("admin", "nobody")), route_name="notes")
        return config.make_wsgi_app()


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "application/json"}])
@pytest.mark.parametrize("made", [by_bottle, by_pyramid])
def test_no_framework_reads_as_a_form_what_was_decided_as_json(web, agent, made, headers):
    call = ("write", {"name": "a", "text": "&admin=yes&x="})
    with web.guard(audience="files") as guard:
        served = httpx.WSGITransport(wsgi.GuardMiddleware(made(), guard=guard, routes=ROUTES))
        chain, proof = agent.present(*call, audience="files")
        with httpx.Client(transport=served, base_url="http://files") as client:
            proven = {**headers, "Agent-Chain": chain, "Agent-Proof": proof}
            answer = client.post("/notes/a", content=b'{"text":"&admin=yes&x="}', headers=proven)
        assert (answer.status_code, answer.text) == (200, "nobody")


def test_requests_sends_once_more_with_the_nonce_too(web, agent):
    class Quiet(WSGIRequestHandler):
        def log_message(self, *_):
            pass

    with web.guard(audience="files", require_nonce=True) as guard:
        served = wsgi.GuardMiddleware(bare_wsgi, guard=guard, routes=ROUTES)
        with make_server("127.0.0.1", 0, served, handler_class=Quiet) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            here = f"http://127.0.0.1:{server.server_port}/users/7"
            answer = requests.get(here, auth=auth(agent, RequestsAuth), timeout=30)
            assert (answer.status_code, [each.status_code for each in answer.history]) == (200, [401])
            assert requests.get(here, timeout=30).status_code == 401
            server.shutdown()


def test_a_long_chain_is_sent_once_to_each_worker(url, deep):
    sizes = []

    def seen(request):
        sizes.append(len(request.headers["Agent-Chain"]))

    with httpx.Client(base_url=url, auth=auth(deep), event_hooks={"request": [seen]}) as client:
        assert [client.get(f"/users/{i}").status_code for i in range(20)] == [200] * 20
    assert sizes[0] == 51 and 1 <= sum(size > 4096 for size in sizes) <= 2, "at most once for each of two workers"
    with requests.Session() as session:
        session.auth = auth(deep, RequestsAuth)
        assert [session.post(f"{url}/notes/n", json={"text": "x"}).text for _ in range(10)] == ["n x\n"] * 10


def test_a_chain_that_no_header_has_room_for_is_introduced(url, deep):
    def small(request):
        assert len(request.headers.get("Agent-Chain", "")) < 4096 or seen.append("whole")
        seen.append(request.headers.get("Content-Type", request.method))

    seen = []
    with deep.spawn("d", same_scope=True) as d, d.spawn("e", same_scope=True) as e:
        assert len(e.chain) > 7 << 10
        with httpx.Client(base_url=url, auth=auth(e), event_hooks={"request": [small]}) as client:
            assert [client.get(f"/users/{i}").status_code for i in range(12)] == [200] * 12
        assert "application/agent-chain" in seen and seen.count("application/agent-chain") <= 2
        with e.spawn("f", same_scope=True) as f, requests.Session() as session:
            session.auth = auth(f, RequestsAuth)
            assert [session.get(f"{url}/users/{i}").status_code for i in range(12)] == [200] * 12

            async def main():
                async with httpx.AsyncClient(base_url=url, auth=auth(f)) as client:
                    return [(await client.post("/notes/n", json={"text": "x"})).text for _ in range(3)]

            assert asyncio.run(main()) == ["n x\n"] * 3


def test_a_call_and_its_introduction_may_come_to_different_workers(url, deep):
    """Each request has a connection of its own, so that any worker may get it; gunicorn takes 8,190 bytes of a header."""
    alone = {"headers": {"Connection": "close"}, "base_url": url}

    async def main(whose):
        async with httpx.AsyncClient(auth=auth(whose), **alone) as client:
            return (await client.get("/users/7")).status_code

    with deep.spawn("d", same_scope=True) as d, d.spawn("e", same_scope=True) as e, e.spawn("f", same_scope=True) as f:
        for _ in range(6):
            with f.spawn("g", same_scope=True) as g, httpx.Client(auth=auth(g), **alone) as client, requests.Session() as session:
                assert len(g.chain) > 8190
                assert [client.get(f"/users/{i}").status_code for i in range(3)] == [200] * 3
                session.auth = auth(g, RequestsAuth)
                assert session.get(f"{url}/users/7", headers={"Connection": "close"}).status_code == 200
                assert asyncio.run(main(g)) == 200


def test_what_was_not_permitted_says_why(url, agent):
    with agent.spawn("reader", "get_user(id in ['7'])") as reader, httpx.Client(base_url=url, auth=auth(reader)) as client:
        assert client.get("/users/7").status_code == 200
        answer = client.get("/users/8")
        assert (answer.status_code, answer.json()["reason"], answer.json()["argument"]) == (
            403,
            "argument_constraint_violated",
            "id",
        )
    with pytest.raises(libagentid.Error):
        httpx.Client(base_url=url, auth=auth(reader)).get("/users/7")
    bare = httpx.get(url + "/users/7")
    where = 'resource_metadata="https://files.example/.well-known/oauth-protected-resource"'
    assert (bare.status_code, bare.headers["WWW-Authenticate"]) == (401, f'Agent-Proof error="chain_empty", {where}')
    assert httpx.get(url + "/.well-known/oauth-protected-resource").json()["authorization_servers"] == ["https://as.example"]
    assert httpx.get(url + "/unnamed").json()["reason"] == "route_without_tool"
    assert httpx.post(url + "/notes/n", content=b"x" * 200_000).status_code == 413
    assert httpx.post(url + "/notes/n", data={"text": "x"}).status_code == 415


def test_what_an_operator_changes_is_in_force_for_the_next_request_of_an_open_connection(url, web, agent, where):
    def told():
        answer = client.get("/users/7")
        return answer.status_code if answer.status_code == 200 else (answer.status_code, answer.json()["reason"])

    with httpx.Client(base_url=url, auth=auth(agent)) as client:
        assert told() == 200
        web.suspend(agent.id)
        time.sleep(0.1)
        assert [told() for _ in range(6)] == [(403, "suspended")] * 6
        web.resume(agent.id)
        time.sleep(0.1)
        assert told() == 200
        os.rename(where, away := f"{where}-away")
        try:
            shutil.copytree(away, where)
            time.sleep(0.1)
            assert [told() for _ in range(6)] == [(503, "directory_replaced")] * 6
        finally:
            shutil.rmtree(where)
            os.rename(away, where)
        time.sleep(0.1)
        assert told() == 200


def test_a_redirect_is_not_followed(url, agent):
    for follow in (False, True):
        with httpx.Client(base_url=url, auth=auth(agent), follow_redirects=follow) as client, pytest.raises(Redirected):
            client.get("/moved")
    sent = []
    with requests.Session() as session, pytest.raises(Redirected):
        session.auth = auth(agent, RequestsAuth)
        session.hooks["response"].append(lambda answer, *_, **__: sent.append(answer.url))
        session.get(url + "/moved")
    assert all(each.endswith("/moved") for each in sent)


def test_clients_prove_as_the_agent_of_their_task(url, agent):
    async def main():
        async with httpx.AsyncClient(base_url=url, auth=AgentAuth(audience="files", routes=ROUTES)) as client:
            with pytest.raises(LookupError):
                await client.get("/users/7")
            with agent.spawn("reader", "get_user(id: *, full?: *)"):
                one = await client.get("/users/7")
                other = await client.post("/notes/n", json={"text": "x"})
            return one.status_code, other.status_code, other.json()["reason"]

    assert asyncio.run(main()) == (200, 403, "tool_not_authorized")


def test_a_handler_runs_under_the_permit_of_its_own_tool_alone(url, agent):
    if "unnamed" not in httpx.get(url + "/openapi.json").text:
        return  # Flask
    routes = {"POST /wrong": "get_user", "GET /forgotten": None}
    with httpx.Client(base_url=url, auth=AgentAuth(agent, audience="files", routes=routes)) as client:
        assert client.post("/wrong", json={"id": "7"}).status_code == 500
        assert client.get("/forgotten").status_code == 500


def test_an_extra_that_is_missing_says_what_to_install(tmp_path):
    python = "import sys; sys.path.insert(0, {!r}); import libagentid.http.{}"
    for name in ("fastapi", "httpx", "requests"):
        code = python.format(str(pathlib.Path(libagentid.__file__).parents[1]), name)
        done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True)
        assert f"pip install 'libagentid[{name}]'" in done.stderr and "ImportError" in done.stderr


def test_the_example_of_wsgi_runs():
    example = HERE.parents[2] / "examples/integrations/http_wsgi.py"
    done = subprocess.run([sys.executable, str(example)], capture_output=True, text=True, check=True)
    assert done.stdout == "200 the report q3-sales, for clerk\n403 argument_constraint_violated\n"


@pytest.mark.parametrize(
    ("body", "status", "outcome"), [({"usd": "6"}, 500, "failed: ValueError"), ({"usd": []}, 422, "failed: status 422")]
)
def test_a_request_that_fastapi_fails_gives_its_budget_back(tmp_path, body, status, outcome):
    app = fastapi.FastAPI()

    @app.post("/pay")
    def pay(usd: Annotated[str, fastapi.Body(embed=True)]):
        raise ValueError(usd)

    rule = {
        "id": "spend",
        "match": "pay",
        "budget": {"unit": "usd", "limit": "10", "cost": {"fixed": "6"}, "per": "day", "for": "agent"},
    }
    where, routes = tmp_path / "acme", {"POST /pay": "pay"}
    app.add_middleware(asgi.GuardMiddleware, guard=guarding(where, audience="files"), routes=routes)
    with libagentid.Authority.open(where, trust_domain="acme.example") as acme:
        acme.put_profile("web", owner="team:web@acme.example", ceiling="pay(usd: *)")
        acme.apply_policy({"version": 1, "rules": [rule]})
        with acme.agent("web", principal="user:alice@acme.example", task="t", scope="pay(usd: *)") as agent:

            async def main():
                way = httpx.ASGITransport(app, raise_app_exceptions=False)
                own = AgentAuth(agent, audience="files", routes=routes)
                async with httpx.AsyncClient(transport=way, base_url="http://files", auth=own) as client:
                    return [(await client.post("/pay", json=body)).status_code for _ in range(3)]

            assert asyncio.run(main()) == [status] * 3
        acme.integrate()
        with libagentid.Audit.open(where) as audit:
            assert [entry["outcome"] for entry in audit.entries() if entry["kind"] == "outcome"] == [outcome] * 3
