"""Shares what the tests of Python's SPIFFE have: an authority, certificates of other domains, clients."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "spiffe"))
