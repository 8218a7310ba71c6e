"""Pages with one mistake each, which the runner must find."""

SHOWN = "$ echo researcher/577c837fdc73\nresearcher/577c837fdc73\n$ echo researcher/72d848f60e7b\nresearcher/577c837fdc73\n"


def block(language, text):
    return f"```{language}\n{text}```\n"


ALL = [
    ("an exception", block("python", "1 / 0\n")),
    ("an exception that does not come", "<!-- raises ValueError -->\n" + block("python", "pass\n")),
    ("another exception", "<!-- raises ValueError -->\n" + block("python", "1 / 0\n")),
    ("other output", block("python", "print(1)\n") + block("output", "2\n")),
    ("output of nothing", block("output", "2\n")),
    ("a command that fails", block("sh", "false\n")),
    ("a command that fails and shows nothing", block("console", "$ false\n")),
    ("a command that says more", block("console", "$ echo one; echo two\none\n")),
    ("one name for two agents", block("console", SHOWN)),
    ("a program that does not compile", block("c", "int main(void) { return x; }\n")),
    ("half a program", block("c", "int x;\n")),
    ("an excerpt of nothing", block("c from examples/c/quickstart.c", "agentid_teapot();\n")),
    ("no JSON", block("json", "{,}\n")),
    ("a document against its schema", block("json event.json", "{}\n")),
    ("an unknown language", block("cobol", "x\n")),
    ("no reason", block("sh not run:", "true\n")),
    ("no language", block("", "x\n")),
    ("no end", "```sh\ntrue\n"),
]
