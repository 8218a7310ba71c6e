#!/usr/bin/env python3
"""Looks at every target that a product reaches: none may have unsafe flags, none may import Foundation.

reach.py PACKAGE.json PRODUCT, with what `swift package dump-package` says.
"""
import json
import pathlib
import re
import sys

package = json.loads(pathlib.Path(sys.argv[1]).read_text())
targets = {target["name"]: target for target in package["targets"]}
product = next(product for product in package["products"] if product["name"] == sys.argv[2])
reached, waiting, faults = set(), list(product["targets"]), []
while waiting:
    name = waiting.pop()
    if name in reached or name not in targets:
        continue
    reached.add(name)
    target = targets[name]
    for dependency in target["dependencies"]:
        waiting.append((dependency.get("byName") or dependency.get("target") or dependency["product"])[0])
        if "product" in dependency:
            faults.append(f"{name} depends on another package: {dependency['product'][0]}")
    for setting in target["settings"]:
        if "unsafeFlags" in setting["kind"]:
            faults.append(f"{name} has unsafe flags: {setting}")
    for source in pathlib.Path(target.get("path") or f"Sources/{name}").rglob("*.swift"):
        for module in re.findall(r"^(?:\S+ )*import (?:\w+ )?(\w+)", source.read_text(), re.M):
            if module.startswith(("Foundation", "Dispatch")):
                faults.append(f"{source} imports {module}")
print(f"{product['name']} reaches {', '.join(sorted(reached))}")
sys.exit("\n".join(faults) or 0)
