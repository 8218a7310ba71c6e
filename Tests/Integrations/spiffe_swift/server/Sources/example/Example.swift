import AgentID
import AgentIDAsync
import AgentIDLifecycle
import AgentIDSPIFFE
import Glibc
import Logging
import ServiceLifecycle
import UnixSignals

/// A service that hands an agent its SVIDs, until SIGTERM: `example DIRECTORY`. It prints the address that the agent's process is
/// to have as SPIFFE_ENDPOINT_SOCKET. docs/guides/spiffe.md quotes it.
@main struct Example {
    static func main() async throws {
        let directory = CommandLine.arguments[1]
        var options = Authority.Options()
        options.trustDomain = "acme.example"
        let acme = try await Authority.open(directory: "\(directory)/acme", options: options)
        let data = try Scope("read_file(path under '/data')")
        try await acme.put(Profile(name: "reader", owner: "team:data@acme.example", ceiling: data))
        let request = AgentRequest(principal: "user:alice@acme.example", task: "Q3", scope: data)
        let agent = try await acme.startAgent(profile: "reader", request)

        let issuer = try await SVIDIssuer.open(acme, directory: "\(directory)/acme-x509")
        let source = SVIDSource(issuer, agent)
        let svid = try await source.svid()
        print(svid.spiffeID, svid.notAfter <= (try agent.expires()))

        let api = try await WorkloadAPI("\(directory)/sockets", issuer)
        let address = try await api.serve(agent)
        print(address)
        fflush(nil)

        let services: [any Service] = [AgentAuthorityService(acme), api]
        let group = ServiceGroup(
            services: services, gracefulShutdownSignals: [.sigterm], logger: Logger(label: "example"))
        try await group.run()
    }
}
