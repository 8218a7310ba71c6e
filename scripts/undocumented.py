#!/usr/bin/env python3
"""Names every symbol without a comment in the symbol graphs given; what a macro made (`$...`) needs none."""
import json
import pathlib
import sys

symbols = [symbol for path in sys.argv[1:] for symbol in json.loads(pathlib.Path(path).read_text())["symbols"]]
bare = sorted({".".join(symbol["pathComponents"]) for symbol in symbols
               if "docComment" not in symbol and not symbol["pathComponents"][-1].startswith("$")})
if bare or not symbols:
    sys.exit("without a comment: " + (", ".join(bare) or "there are no symbols at all"))
print(f"{len(symbols)} public symbols, each with a comment")
