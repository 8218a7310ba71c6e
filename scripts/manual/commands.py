"""Section 1: a page for the program and one for each of its commands, from what `--experimental-dump-help` prints."""
import mdoc

EXIT_STATUS = mdoc.tagged([
    ("0", "Done, or permitted."), ("1", "An error, told on standard error in one line."), ("2", "Wrong usage."),
    ("10", "Denied.")])


def pages(root):
    """All pages, by name."""
    return dict(_pages(root, ()))


def _pages(command, above):
    path = (*above, command["commandName"])
    below = [c for c in command.get("subcommands", []) if c["shouldDisplay"] and c["commandName"] != "help"]
    yield "-".join(path), _page(command, path, below)
    for subcommand in below:
        yield from _pages(subcommand, path)


def _page(command, path, below):
    # What every command takes stands on the first page only; one that has commands takes nothing else.
    shown = [a for a in command.get("arguments", []) if a["shouldDisplay"]]
    own = shown if len(path) == 1 else [a for a in shown if a["valueName"] not in ("version", "help")]
    name = "-".join(path)
    description = "\n.Pp\n".join(mdoc.inline(t) for t in (command["abstract"], command.get("discussion")) if t)
    commands = mdoc.tagged((f"Xr {name}-{c['commandName']} 1", mdoc.inline(c["abstract"]))
                           for c in below) if below else ""
    related = [("-".join(path[:-1]), 1)] if len(path) > 1 else [("agentid", 3)]
    return mdoc.page(name, 1, [name], mdoc.summary(command["abstract"]), [
        ("SYNOPSIS", _synopsis(path, own, below)),
        ("DESCRIPTION", description),
        ("COMMANDS", commands),
        ("OPTIONS", mdoc.tagged((_tag(a), _about(a)) for a in own) if own else ""),
        ("EXIT STATUS", EXIT_STATUS),
        ("SEE ALSO", "\n".join(f".Xr {page} {section}" for page, section in related)),
    ])


def _flag(argument):
    """The macros of an option's preferred name; a long one has a dash of its own."""
    name = argument["preferredName"]
    return f"Fl {'-' if name['kind'] == 'long' else ''}{name['name']}"


def _value(argument):
    dots = " ..." if argument["isRepeating"] else ""
    return f"Ar {argument['valueName']}{dots}"


def _usage(argument):
    if argument["kind"] == "positional":
        return _value(argument)
    return _flag(argument) if argument["kind"] == "flag" else f"{_flag(argument)} {_value(argument)}"


def _synopsis(path, own, below):
    lines = [f".Nm {path[0]}" + "".join(f" {word}" for word in path[1:])]
    lines += [(".Op " if a["isOptional"] else ".") + _usage(a) for a in own]
    if below:
        lines += [".Ar command", ".Op Ar argument ..."]
    return "\n".join(lines)


def _tag(argument):
    if argument["kind"] == "positional":
        return _value(argument)
    names = " , ".join(f"Fl {'-' if n['kind'] == 'long' else ''}{n['name']}" for n in argument["names"])
    return names if argument["kind"] == "flag" else f"{names} {_value(argument)}"


def _about(argument):
    text = mdoc.inline(argument.get("abstract", ""))
    if "allValues" in argument:
        text += "\nOne of " + ", ".join(f"\\fB{mdoc.escape(v)}\\fR" for v in argument["allValues"]) + "."
    if "defaultValue" in argument:
        text += f"\nThe default is \\fB{mdoc.escape(argument['defaultValue'])}\\fR."
    return text
