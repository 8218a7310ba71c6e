"""A second verifier of draft-niyikiza-oauth-attenuating-agent-tokens-02, written from the draft's text alone.

It shares no code with the library and is slow: it exists to be compared with it. Sections and steps named in the
comments are the draft's.
"""

from .verifier import Anchor, Denied, Presentation, Verdict, verify

__all__ = ["Anchor", "Denied", "Presentation", "Verdict", "verify"]
