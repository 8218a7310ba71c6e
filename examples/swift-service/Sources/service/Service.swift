import AgentIDAsync
import AgentIDHummingbird
import Hummingbird

/// A service that keeps notes for agents: `service AUTHORITY-DIRECTORY PORT`. It follows the authority whose public state is in
/// the directory: what is revoked or ended there is denied here at the next call.
@main struct Service {
    static let audience = "notes"

    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3, let port = Int(arguments[2]) else {
            print("usage: service AUTHORITY-DIRECTORY PORT")
            return
        }
        var options = Guard.Options()
        options.audience = audience
        let guardian = try await Guard.open(directory: arguments[1], options)
        try await application(guardian, address: .hostname("127.0.0.1", port: port)).runService()
    }

    /// The routes: one for anybody, all others for agents that may.
    static func application(
        _ guardian: Guard, address: BindAddress = .hostname("127.0.0.1", port: 0)
    ) -> some ApplicationProtocol {
        let (router, notes) = (Router(context: Context.self), Notes())
        router.get("/health") { _, _ in HTTPResponse.Status.ok }
        router.group()
            .add(middleware: AgentGuard(guardian, maxBody: 10_000))
            .get("/books") { _, _ in await notes.names }
            .post("/notes/list") { request, context in
                await notes.notes(in: try await request.decode(as: List.self, context: context).book)
            }
            .post("/notes/add") { request, context in
                let add = try await request.decode(as: Add.self, context: context)
                guard let agent = context.decision?.agent, let principal = context.decision?.principal else {
                    throw HTTPError(.forbidden, message: "nobody answers for this caller")
                }
                await notes.add(Notes.Note(text: add.text, agent: agent, principal: principal), to: add.book)
                return HTTPResponse.Status.created
            }
        return Application(router: router, configuration: .init(address: address))
    }

    struct Context: AgentRequestContext {
        var coreContext: CoreRequestContextStorage
        var call: Call?

        init(source: Source) { coreContext = .init(source: source) }
    }

    struct List: Decodable { let book: String }

    struct Add: Decodable {
        let book: String
        let text: String
    }
}

extension Notes.Note: ResponseEncodable {}
