// One import is enough: all of AgentID, with async calls for everything that waits.
@_exported public import AgentID
