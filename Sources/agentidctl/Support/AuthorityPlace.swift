import ArgumentParser
import Glibc

/// The directory that a command works on: what its option says, or else the environment.
struct AuthorityPlace: ParsableArguments {
    @ArgumentParser.Option(
        name: .customLong("authority"),
        help: .init(
            "The directory the authority is kept in. Without it what AGENTID_AUTHORITY names.", valueName: "authority"))
    var named: String?

    /// The directory; known to be there after `validate`.
    var directory: String { named ?? Self.ofEnvironment ?? "" }

    func validate() throws {
        guard let directory = named ?? Self.ofEnvironment else {
            throw ValidationError("give --authority, the authority's directory, or set AGENTID_AUTHORITY to it")
        }
        try Owner.work(on: directory)
    }

    /// The directory that AGENTID_AUTHORITY names; `nil` where it is not set, empty, or not UTF-8.
    static var ofEnvironment: String? {
        guard let value = unsafe getenv("AGENTID_AUTHORITY"), unsafe value.pointee != 0 else { return nil }
        return unsafe String(validatingCString: value)
    }
}
