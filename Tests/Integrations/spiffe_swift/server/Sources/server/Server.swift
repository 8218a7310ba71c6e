import AgentID
import AgentIDAsync
import AgentIDSPIFFE
import Glibc
import StrictJSON

/// An authority with its issuer and its Workload API, which a test tells what to do: `server AUTHORITY ISSUER SOCKETS POLL-MS
/// [LIFETIME [PASSPHRASE]]`, then a command a line. Each is answered by a line of JSON: what it made, or the error.
@main struct Server {
    let authority: Authority
    let issuer: SVIDIssuer
    let api: WorkloadAPI
    var agents: [Agent] = []

    static func main() async throws {
        let arguments = CommandLine.arguments
        do {
            var server = try await Server(arguments)
            say(["ready": true])
            while let line = readLine() {
                let words = line.split(separator: " ", maxSplits: 2).map(String.init)
                do { say(try await server.run(words)) } catch { say(failure(error)) }
            }
            await server.api.close()
            await server.authority.close()
        } catch { say(failure(error)) }
    }

    init(_ arguments: [String]) async throws {
        let passphrase = arguments.count > 6 ? try Passphrase(Array(arguments[6].utf8)) : nil
        authority = try await Authority.open(directory: arguments[1], options: Authority.Options())
        issuer = try await SVIDIssuer.open(authority, directory: arguments[2], passphrase: passphrase)
        let lifetime = arguments.count > 5 ? Int64(arguments[5]) : nil
        api = try await WorkloadAPI(
            arguments[3], issuer, lifetime: lifetime == 0 ? nil : lifetime, poll: .milliseconds(Int(arguments[4]) ?? 50)
        )
    }

    mutating func run(_ words: [String]) async throws -> JSONTree {
        let number = words.count > 1 ? Int(words[1]) ?? 0 : 0
        switch words[0] {
        case "start":
            let scope = try Scope("read_file(path under '/data')")
            agents.append(
                try await authority.startAgent(
                    profile: "reader",
                    AgentRequest(
                        principal: "user:alice@acme.example", task: "T-1", scope: scope,
                        audiences: words.count > 1 ? words[1].split(separator: ",").map(String.init) : [])))
            return try about(agents.count - 1)
        case "spawn":
            agents.append(try await agents[number].spawn("helper", .sameScope()))
            return try about(agents.count - 1)
        case "serve": return ["address": .string(try await api.serve(agents[number]))]
        case "stop": await api.stop(try agents[number].id())
        case "overlap": return try await overlap(agents[number])
        case "close": await api.close()
        case "rotate": try await agents[number].rotateKey()
        case "park": try await agents[number].park(for: 60)
        case "end": try await agents[number].end(reason: "done")
        case "let-go": agents[number].close()
        case "svid":
            return try about(await issuer.issue(agents[number], lifetime: words.count > 2 ? Int64(words[2]) : nil))
        case "bundle": return ["json": .string(try await issuer.bundle().json())]
        case "publish": try await issuer.publishAuthority()
        case "activate": try await issuer.activateAuthority()
        case "federate": try api.federate(X509Bundle(parsing: Array(words[2].utf8), of: TrustDomain(words[1])))
        case "parse":
            let bundle = try X509Bundle(parsing: Array(words[2].utf8), of: TrustDomain(words[1]))
            return ["json": .string(try bundle.json()), "count": .int(bundle.authorities.count)]
        default: return ["error": "unknown command"]
        }
        return [:]
    }

    /// Calls of `serve` and `stop` at once, and at last one `serve`: its address, and the errors of the others.
    private func overlap(_ agent: Agent) async throws -> JSONTree {
        let id = try agent.id()
        let errors = await withTaskGroup(of: String?.self) { [api] group in
            for number in 0..<24 {
                group.addTask {
                    guard number % 3 > 0 else {
                        await api.stop(id)
                        return nil
                    }
                    do throws(NoSVID) { _ = try await api.serve(agent) } catch { return error.name }
                    return nil
                }
            }
            var names: [String] = []
            for await case let name? in group { names.append(name) }
            return names
        }
        await api.stop(id)
        return [
            "address": .string(try await api.serve(agent)), "errors": .array(errors.map { JSONTree.string($0) }),
        ]
    }

    private func about(_ number: Int) throws -> JSONTree {
        let agent = agents[number]
        return [
            "agent": .int(number), "id": .string(try agent.id()), "expires": .int(Int(try agent.expires())),
            "key": .string(try agent.publicKey().jwk.text),
        ]
    }

    private func about(_ svid: X509SVID) throws -> JSONTree {
        [
            "id": .string(svid.spiffeID.description), "pem": .string(svid.pem()), "holder": .string(svid.holder),
            "key": .array(try svid.keyDER().map { .int(Int($0)) }), "not_after": .int(Int(svid.notAfter)),
            "rotates_at": .int(Int(svid.rotatesAt)),
        ]
    }

    private static func failure(_ error: any Error) -> JSONTree {
        let name =
            switch error {
            case let error as NoSVID: error.name
            case let error as AgentIDError: error.name
            default: "other"
            }
        return ["error": .string(name), "message": .string("\(error)")]
    }

    private static func say(_ answer: JSONTree) {
        print(answer.text)
        fflush(nil)
    }
}
