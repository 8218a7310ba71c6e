import Foundation
import Glibc
import Testing

@testable import AgentID

/// A directory is exchanged for a copy: what has it open works in the directory that it opened.
@Suite struct HeldDirectoryTests {
    private let directory: TemporaryDirectory
    private let place: AuthorityDirectory
    private var away: String { place.path + ".away" }

    init() throws {
        directory = try TemporaryDirectory()
        let path = directory.path + "/acme"
        _ = try World(at: path)
        place = try AuthorityDirectory(reading: path)
    }

    private func exchange() throws {
        try FileManager.default.moveItem(atPath: place.path, toPath: away)
        try FileManager.default.copyItem(atPath: away, toPath: place.path)
    }

    private func names(_ path: String) throws -> Set<String> {
        Set(try FileManager.default.subpathsOfDirectory(atPath: path))
    }

    @Test func aKeyIsMadeAndRemovedThere() throws {
        try exchange()
        let keys = SigningKeys(directory: place, signer: nil, passphrase: nil)
        let copied = try names(place.path)
        let made = try keys.make()
        let file = "/keys/\(made.thumbprint).jwk"
        #expect(Files.exists(away + file) && !Files.exists(place.path + file))
        try FileManager.default.copyItem(atPath: away + file, toPath: place.path + file)
        keys.discard(made)
        #expect(!Files.exists(away + file) && Files.exists(place.path + file))
        try FileManager.default.removeItem(atPath: place.path + file)
        _ = try keys.sealingKey(mayBeNew: true)
        #expect(try names(place.path) == copied)
    }

    @Test func aRevocationIsWrittenThere() throws {
        try exchange()
        func size(_ path: String) -> Int { FileLook(path + "/journal")?.size ?? 0 }
        let (before, copied) = (size(away), size(place.path))
        let revocation = try Revocation(.profile, "researcher")
        _ = try place.journal.append([JournalEntry(.revoke(revocation), reason: "", time: 1)], known: 0)
        #expect(size(away) > before && size(place.path) == copied)
    }

    @Test func aLogIsOpenedThere() throws {
        try exchange()
        let copied = try names(place.path + "/audit")
        let files = try SystemAuditFiles.making(place.auditPath, in: place.held)
        try files.replace(place.auditPath + "/new", with: [1])
        #expect(Files.exists(away + "/audit/new"))
        #expect(try names(place.path + "/audit") == copied)
    }

    @Test func aRegistryIsNotOpenedBesideIt() throws {
        try exchange()
        #expect {
            _ = try place.openRegistry(.read)
        } throws: {
            ($0 as? AgentIDError)?.name == "directory_replaced"
        }
    }

    /// A path that only begins as the directory's does is another one.
    @Test func whatIsElsewhereIsTakenFromThere() throws {
        let beside = place.path + "-beside"
        try Files.replace(beside, with: [1].span)
        #expect(try Files.read(beside, in: place.held) == [1])
        #expect(FileIdentity(at: place.path, in: place.held) == place.held.identity)
    }
}
