// One import is enough: everything of AgentID, and what of it waits as async calls.
@_exported public import AgentID
