// Types of other modules in the public interface, for programs that import this module alone.
@_exported public import struct JOSE.JOSEError
@_exported public import struct StrictJSON.JSON
@_exported public import enum StrictJSON.JSONTree
@_exported public import struct JOSE.PublicKey
@_exported public import class JOSE.SigningKey
@_exported public import struct Scopes.Scope
@_exported public import struct Scopes.ScopeError
@_exported public import struct TransparencyLog.Checkpoint
@_exported public import struct TransparencyLog.ConsistencyProof
@_exported public import struct TransparencyLog.InclusionProof
