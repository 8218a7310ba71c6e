#!/usr/bin/env python3
"""Prints what a release contains, as SPDX 2.3 in JSON: sbom.py VERSION. Versions are those that were linked on this machine."""
import datetime
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]


def said(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout.strip()


def parts():
    """What is linked in or shipped: name, version, licence, where it is from."""
    for name, package, licence in (("libsodium", "libsodium23", "ISC"), ("SQLite", "libsqlite3-0", "blessing")):
        yield name, said("dpkg-query", "-W", "-f=${Version}", package), licence, f"Debian package {package}"
    swift = re.search(r"Swift version ([\d.]+)", said("swift", "--version"))[1]
    yield "Swift runtime", swift, "Apache-2.0 WITH Swift-exception", "the compiler's toolchain"
    resolved = json.loads((ROOT / "Package.resolved").read_text())
    for pin in resolved["pins"]:
        yield pin["identity"], pin["state"].get("version", pin["state"].get("revision")), "Apache-2.0", pin["location"]


def main():
    version = sys.argv[1]
    commit = said("git", "rev-parse", "HEAD")
    own = {"SPDXID": "SPDXRef-libagentid", "name": "libagentid", "versionInfo": version, "licenseDeclared": "Apache-2.0",
           "licenseConcluded": "Apache-2.0", "downloadLocation": "NOASSERTION", "filesAnalyzed": False, "sourceInfo": f"git commit {commit}"}
    packages, relations = [own], [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-libagentid"}]
    for name, found, licence, source in parts():
        identifier = "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", name)
        packages.append({"SPDXID": identifier, "name": name, "versionInfo": found, "licenseDeclared": licence, "licenseConcluded": "NOASSERTION",
                         "downloadLocation": "NOASSERTION", "filesAnalyzed": False, "sourceInfo": source})
        relations.append({"spdxElementId": "SPDXRef-libagentid", "relationshipType": "CONTAINS", "relatedSpdxElement": identifier})
    created = datetime.datetime.fromtimestamp(int(said("git", "log", "-1", "--format=%ct")), datetime.timezone.utc)
    print(json.dumps({
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"libagentid-{version}",
        "documentNamespace": f"https://libagentid.invalid/spdx/{version}/{commit}",
        "creationInfo": {"created": created.strftime("%Y-%m-%dT%H:%M:%SZ"), "creators": ["Tool: scripts/sbom.py"]},
        "packages": packages, "relationships": relations}, indent=2))


main()
