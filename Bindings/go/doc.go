// Package agentid gives every AI agent an identity of its own and checks every tool call, by libagentid, a C library.
//
// An [Authority] starts agents under a profile. An [Agent] holds authority for one task (a chain of signed grants), hands on
// only less than it has ([Agent.Spawn], [Agent.Delegate]), and proves each call ([Agent.Present]). A [Guard] decides: it permits
// a call or says which rule refused it ([Denied], [Reason]). [Middleware] and [Transport] are its two ends over HTTP.
//
// # Contexts
//
// What can wait, for a disk, a lock, a signer or a provider, takes a context. Where that ends first, the call answers with its
// error at once and goes on apart: an agent that it started is then ended, a secret that it got is returned, what it opened is
// closed. What it changed stays. At most [MaxWaiting] such calls are in the library at a time.
//
// # Errors
//
// Only a nil error means that a call may go on. [errors.Is] with a [Code] asks for the kind, [errors.As] with *[Error] for name,
// message and place, and with *[Denied] for reason, argument and link.
//
// # Closing
//
// Close lets go of a handle, once, however often it is called and whoever else uses it: calls that are under way end first.
// The collector closes what was forgotten. An agent ends by [Agent.End].
package agentid
