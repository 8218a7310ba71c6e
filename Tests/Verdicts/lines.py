#!/usr/bin/env python3
"""Prints cases.json for readers without JSON: a line for each step, `name=value` between tabs; one starts with a case's name."""
import json
import pathlib

for case in json.loads((pathlib.Path(__file__).parent / "cases.json").read_text()):
    for number, step in enumerate(case["steps"]):
        members = {"case": case["name"], **step} if number == 0 else step
        print("\t".join(f"{name}={value}" for name, value in members.items()))
