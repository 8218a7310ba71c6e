"""A server that knows nothing of guards: bare.py RAN [WORD], where WORD goes into the description of a tool."""

import sys

import flavours

path, *word = sys.argv[1:]


class Ran:
    def append(self, what):
        with open(path, "a") as file:
            print(*what, file=file)


server = flavours.make(Ran())


@server.tool(description=" ".join(["Adds.", *word]))
def add(a: int, b: int) -> str:
    return str(a + b)


server.run() if flavours.FLAVOUR != "fastmcp" else server.run(show_banner=False)
