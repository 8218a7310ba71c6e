#!/usr/bin/env python3
"""Lays out Bindings/go/agentidgrpc as a module that builds without a network: go-grpc.py FOLDER [NAME=PACKAGE ...].

FOLDER gets a copy of it (links), packages beside it by their names, and a vendor folder that leads to this tree's binding and to Debian's
sources (golang-google-grpc-dev, golang-google-protobuf-dev). Prints nothing. Nothing of it is committed.
"""
import pathlib
import re
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
BINDING, SOURCES = ROOT / "Bindings/go", pathlib.Path("/usr/share/gocode/src")
MODULES = ["google.golang.org/grpc", "google.golang.org/protobuf", "google.golang.org/genproto", "github.com/golang/protobuf", "golang.org/x/net",
           "golang.org/x/sys", "golang.org/x/text"]  # fmt: skip


# Debian's grpc knows messages of google.golang.org/protobuf no more than its golang/protobuf 1.3 does; all later ones of grpc do.
CODEC = """package proto

import (
	"fmt"

	"google.golang.org/grpc/encoding"
	"google.golang.org/protobuf/proto"
)

const Name = "proto"

type codec struct{}

func init() { encoding.RegisterCodec(codec{}) }

func (codec) Name() string { return Name }

func (codec) Marshal(value interface{}) ([]byte, error) {
	message, ok := value.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("%T is not a message", value)
	}
	return proto.Marshal(message)
}

func (codec) Unmarshal(data []byte, value interface{}) error {
	message, ok := value.(proto.Message)
	if !ok {
		return fmt.Errorf("%T is not a message", value)
	}
	return proto.Unmarshal(data, message)
}
"""


def linked(source, target, name=None):
    """A folder's files as links, and those of the folders in it that have another name. Go takes links to files for files, not links to folders for folders."""
    for path in source.rglob("*"):
        if path.is_file() and path.suffix in {".go", ".c", ".h", ".s"} and "testdata" not in path.parts and name not in path.relative_to(source).parts:
            link = target / path.relative_to(source)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path)


def main():
    folder, beside = pathlib.Path(sys.argv[1]), dict(each.split("=", 1) for each in sys.argv[2:])
    if missing := [name for name in MODULES if not (SOURCES / name).is_dir()]:
        sys.exit(f"{SOURCES} has no {', '.join(missing)}: apt-get install golang-google-grpc-dev golang-google-protobuf-dev")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    linked(BINDING / "agentidgrpc", folder)
    for name, package in beside.items():
        linked(ROOT / package, folder / name)
    required = dict(re.findall(r"^\t(\S+) (v\S+)", (BINDING / "agentidgrpc/go.mod").read_text(), re.M))
    (folder / "go.mod").write_text(
        "module agentid.example/agentid/agentidgrpc\n\ngo 1.24\n\nrequire (\n" + "".join(f"\t{name} {required.get(name, 'v0.0.0')}\n" for name in ["agentid.example/agentid", *MODULES]) + ")\n"
    )
    listed = []
    for name in ["agentid.example/agentid", *MODULES]:
        source = BINDING if name == "agentid.example/agentid" else SOURCES / name
        vendored = folder / "vendor" / name
        linked(source, vendored, "agentidgrpc")
        packages = sorted({path.parent for path in vendored.rglob("*.go") if not path.name.endswith("_test.go")})
        listed += [f"# {name} {required.get(name, 'v0.0.0')}", "## explicit; go 1.24" if source == BINDING else "## explicit; go 1.21"]
        listed += [str(path.relative_to(folder / "vendor")) for path in packages]
    codec = folder / "vendor/google.golang.org/grpc/encoding/proto/proto.go"
    codec.unlink()
    codec.write_text(CODEC)
    (folder / "vendor/modules.txt").write_text("\n".join(listed) + "\n")


main()
