"""Section 3: agentid(3), and a page for each function and each type that one has to fill in or read."""
import re

import mdoc


def pages(headers):
    """All pages, by name."""
    functions = {f.name: f for h in headers for f in h.functions}
    types = {t.name: t for h in headers for t in h.types if not t.is_opaque}
    result = {"agentid": _overview(headers, functions, types)}
    for function in functions.values():
        base = function.name.removesuffix("_z")
        if base != function.name and base in functions:
            result[function.name] = mdoc.Link(base)
        else:
            twin = functions.get(function.name + "_z")
            result[function.name] = _function([function, twin] if twin else [function], functions, types)
    for type_ in types.values():
        result[type_.name] = _type(type_, functions, types)
    return result


def _function(twins, functions, types):
    comment = twins[0].comment
    text = _text(comment)
    if comment.arguments:
        text += "\n" + mdoc.tagged((f"Fa {name}", mdoc.inline(about)) for name, about in comment.arguments)
    if len(twins) > 1:
        text += f"\n.Pp\n.Fn {twins[1].name}\ntakes NUL-terminated texts."
    code = "\n".join(_prototype(function) for function in twins)
    mentioned = " ".join([code, str(comment)])
    return mdoc.page(twins[0].name, 3, [f.name for f in twins], mdoc.summary(comment.first), [
        ("SYNOPSIS", f".In {twins[0].include}\n{code}"),
        ("DESCRIPTION", text),
        ("RETURN VALUES", mdoc.inline(comment.returns)),
        ("SEE ALSO", _related(mentioned, [f.name for f in twins], functions, types)),
    ])


def _prototype(function):
    arguments = [] if function.parameters == ["void"] else function.parameters
    return "\n".join([f".Ft {mdoc.argument(function.result)}", f".Fo {function.name}",
                      *(f".Fa {mdoc.argument(a)}" for a in arguments or ["void"]), ".Fc"])


def _takers(type_, functions):
    return [f for f in functions.values() if re.search(rf"\b{type_.name}\b", " ".join(f.parameters))]


def _about(type_, functions):
    """What has no sentence of its own is named after what it is given to."""
    return type_.comment.first or f"Options of {_takers(type_, functions)[0].name}()."


def _type(type_, functions, types):
    takers = _takers(type_, functions)
    text = _text(type_.comment) or f"Given to\n.Fn {takers[0].name} ."
    constants = "enum {" in type_.declaration
    tag = "Dv" if constants else "Va"
    if type_.members:
        text += "\n" + mdoc.tagged((f"{tag} {name}", mdoc.inline(about)) for name, about in type_.members)
    if "size_t struct_size;" in type_.declaration:
        text += "\n.Pp\nInitialise it with\n.Dv " + type_.name.upper() + "_INIT :\n" \
            "a program compiled against an older header keeps working."
    mentioned = " ".join([type_.declaration, str(type_.comment), *(f.name for f in takers)])
    return mdoc.page(type_.name, 3, [type_.name], mdoc.summary(_about(type_, functions)), [
        ("SYNOPSIS", f".In {type_.include}\n{mdoc.literal(type_.declaration)}"),
        ("DESCRIPTION", text),
        ("SEE ALSO", _related(mentioned, [type_.name], functions, types)),
    ])


def _text(comment):
    return "\n".join(
        (".Pp\n" if i > 0 else "") + mdoc.inline(p) if isinstance(p, str)
        else mdoc.tagged((f"Fa {term}", mdoc.inline(about)) for term, about in p)
        for i, p in enumerate(comment.paragraphs))


def _related(text, own, functions, types):
    names = {name.removesuffix("_z") for name in re.findall(r"\bagentid_\w+", text)}
    known = sorted(n for n in names if (n in functions or n in types) and n not in own and n != "agentid_status")
    names = ["agentid", *known]
    return "\n".join(f".Xr {name} 3" + (" ," if i + 1 < len(names) else "") for i, name in enumerate(names))


def _overview(headers, functions, types):
    about = headers[0].about
    title, *paragraphs = [p for p in about.paragraphs if isinstance(p, str)]
    conventions = next(p for p in about.paragraphs if isinstance(p, list))
    intro = [p for p in paragraphs if not p.startswith(("Conventions", "SPDX"))]
    handles = [t for h in headers for t in h.types if t.is_opaque]
    index = []
    for header in headers:
        title_of_header = header.about.first.removeprefix("libagentid: ")
        if header is not headers[0]:
            index.append(f".Ss {header.name}\n{mdoc.inline(title_of_header[0].upper() + title_of_header[1:])}")
        for section in dict.fromkeys(f.section for f in header.functions):
            rows = [(f"Xr {f.name} 3", mdoc.inline(f.comment.first)) for f in header.functions if f.section == section]
            index.append((f".Pp\n.Sy {section}\n" if section else "") + mdoc.tagged(rows))
    return mdoc.page("agentid", 3, ["agentid"], mdoc.summary(title.removeprefix("libagentid: ")), [
        ("SYNOPSIS", ".In agentid.h\n.Pp\n.Li cc program.c $(pkg-config --cflags --libs agentid)"),
        ("DESCRIPTION", "\n.Pp\n".join(mdoc.inline(p) for p in intro)),
        ("CONVENTIONS", mdoc.tagged((f"Sy {term}", mdoc.inline(text)) for term, text in conventions)),
        ("HANDLES", mdoc.tagged((f"Vt {t.name}", mdoc.inline(t.comment.first)) for t in handles)),
        ("FUNCTIONS", "\n".join(index).removeprefix(".Pp\n")),
        ("TYPES", mdoc.tagged((f"Xr {t.name} 3", mdoc.inline(_about(t, functions))) for t in types.values())),
        ("SEE ALSO", ".Xr agentidctl 1"),
    ])
