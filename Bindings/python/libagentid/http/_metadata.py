"""OAuth 2.0 protected resource metadata (RFC 9728): tells a client what this server requires."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

_WELL_KNOWN = "/.well-known/oauth-protected-resource"


class ResourceMetadata:
    """A server's public description: served without a guard, and named in each 401.

    `resource`: the server's URL, https, without a fragment. Others are members of RFC 9728, such as `authorization_servers`,
    `scopes_supported`, `resource_name`. Raises `ValueError`.
    """

    def __init__(self, resource: str, *, authorization_servers: Sequence[str] = (), **members: Any) -> None:
        parts = urlsplit(resource)
        if parts.scheme not in ("https", "http") or not parts.netloc or parts.fragment or any(c in resource for c in '"\\\r\n '):
            raise ValueError(f"a resource is a URL such as https://api.example, not {resource!r}")
        path = parts.path.rstrip("/")
        query = f"?{parts.query}" if parts.query else ""
        self.resource, self.path = resource, _WELL_KNOWN + path
        """The path at which it is served."""
        self.url = f"{parts.scheme}://{parts.netloc}{self.path}{query}"
        said = {"resource": resource, "authorization_servers": list(authorization_servers) or None, **members}
        self.body = json.dumps({name: value for name, value in said.items() if value is not None}).encode() + b"\n"

    def __repr__(self) -> str:
        return f"ResourceMetadata({self.resource!r})"
