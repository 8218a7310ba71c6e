"""A guarded server in a process of its own: served.py DIRECTORY AUDIENCE RAN [PORT]; what ran goes to the file RAN."""

import sys

import flavours
import libagentid
from libagentid.integrations.mcp import guard_server

directory, audience, path, *port = sys.argv[1:]


class Ran:
    def append(self, what):
        with open(path, "a") as file:
            print(*what, file=file)


server = guard_server(flavours.make(Ran()), libagentid.Guard.open_directory(directory, audience=audience))
if not port:
    server.run() if flavours.FLAVOUR != "fastmcp" else server.run(show_banner=False)
elif flavours.FLAVOUR == "mcp1":
    server.settings.port = int(port[0])
    server.run("streamable-http")
else:
    server.run(transport="streamable-http", host="127.0.0.1", port=int(port[0]))
