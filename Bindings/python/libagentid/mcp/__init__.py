"""A guard before an MCP server that is not changed, over stdio: `agentidctl mcp guard`. docs/guides/mcp.md is the guide.

Needs no package of MCP's. Servers and clients in Python have guards of their own: `libagentid.integrations.mcp`.
"""
