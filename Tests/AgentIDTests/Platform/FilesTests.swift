import Foundation
import Policy
import Testing

@testable import AgentID

/// What somebody may have planted under the name of a file: nothing is followed, waited for or changed.
@Suite struct FilesTests {
    private let directory: TemporaryDirectory
    private var path: String { directory.path + "/file" }
    private var other: String { directory.path + "/other" }

    init() throws {
        directory = try TemporaryDirectory()
        try Files.replace(directory.path + "/other", with: [1, 2, 3].span)
    }

    private func refusal(_ body: () throws -> Void) -> AgentIDError? {
        do {
            try body()
            return nil
        } catch { return error as? AgentIDError }
    }

    /// Every way to open or read `path`.
    private func refusals() -> [AgentIDError?] {
        var refusals = [FileAccess.read, .write, .create].map { access in
            refusal { close(try Files.open(path, access)) }
        }
        refusals.append(refusal { _ = try Files.read(path) })
        refusals.append(refusal { try Files.withLock(path) {} })
        refusals.append(refusal { _ = try SystemAuditFiles().read(path, limit: 10) })
        refusals.append(refusal { try Files.checkIfPresent(path, isReader: true) })
        refusals.append(refusal { _ = try SharedSequence(path: path, isWriter: true) })
        return refusals
    }

    @Test func whatCannotBeLookedAtIsNotTakenForGone() throws {
        #expect(try FileLook.find(path) == nil)
        #expect(try FileLook.find(other + "/below-a-file") == nil)
        #expect(try FileLook.find(other)?.size == 3)
        #expect(refusal { _ = try FileLook.find(directory.path + "/" + String(repeating: "a", count: 300)) } != nil)
        guard geteuid() != 0 else { return }
        setMode(directory.path, 0)
        #expect(refusal { _ = try FileLook.find(other) }?.name == "permission_denied")
    }

    @Test func linkIsRefusedAndWhatItLeadsToStaysAsItIs() throws {
        #expect(unsafe symlink(other, path) == 0)
        for error in refusals() { #expect(error?.name == "unsafe_file") }
        #expect(try Files.read(other) == [1, 2, 3])
    }

    @Test func linkToNothingMakesNothing() throws {
        #expect(unsafe symlink(directory.path + "/new", path) == 0)
        for error in refusals() { #expect(error?.name == "unsafe_file") }
        #expect(!Files.exists(directory.path + "/new"))
    }

    @Test func anErrorSaysItsPathOnce() throws {
        let error = try #require(refusal { _ = try Files.read(path) })
        #expect(error.place == path && error.message.contains(path) && error.description == error.message)
        let other = AgentIDError(.io, name: "file", message: "it is gone", at: path)
        #expect(other.description == "\(path): it is gone")
        // A word that is also in the message is no path.
        #expect(AgentIDError(.argument, name: "a", message: "no scope", at: "scope").description == "scope: no scope")
    }

    @Test func fifoIsRefusedAtOnce() throws {
        #expect(unsafe mkfifo(path, 0o600) == 0)
        for error in refusals() { #expect(error?.message.contains("FIFO") == true) }
    }

    @Test func directoryInPlaceOfAFileIsRefused() throws {
        try Files.makeDirectory(path)
        for error in refusals() { #expect(error != nil) }
    }

    @Test func fileWithASecondNameIsRefused() throws {
        #expect(unsafe link(other, path) == 0)
        for error in refusals() { #expect(error?.message.contains("hard link") == true) }
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int == 3)
    }

    @Test(.enabled(if: geteuid() == 0, "left out: only root gives files away")) func fileOfAnotherUserIsRefused() throws
    {
        try Files.replace(path, with: [1].span)
        setOwner(path, 65_534)
        for error in refusals() { #expect(error?.message.contains("belongs to user 65534") == true) }
    }

    @Test func fileThatOthersCanWriteIsRefused() throws {
        try Files.replace(path, with: [1].span)
        for mode: mode_t in [0o620, 0o602] {
            setMode(path, mode)
            for error in refusals() { #expect(error?.name == "unsafe_permissions") }
        }
        setMode(path, 0o644)
        #expect(try Files.read(path) == [1])
        #expect(refusal { _ = try Files.read(path, isSecret: true) }?.name == "unsafe_permissions")
    }

    @Test func replacingPutsAFileInPlaceOfALinkAndNeverThroughIt() throws {
        for name in [path, path + ".new"] { #expect(unsafe symlink(other, name) == 0) }
        try Files.replace(path, with: [9].span)
        #expect(try Files.read(path) == [9])
        #expect(try Files.read(other) == [1, 2, 3])
    }

    @Test func aDirectoryIsMadeThatIsNamedWithASlashAtItsEnd() throws {
        for end in ["/", "///"] {
            let path = directory.path + "/grö\(end.utf8.count)"
            try Files.makeDirectory(path + end)
            try Files.makeDirectory(path + end)
            #expect(FileManager.default.fileExists(atPath: path))
        }
    }

    @Test func whatCannotBeLookedAtIsNotTakenForAbsent() throws {
        #expect(try !Files.isPresent(path) && Files.isAbsent(path) && !Files.isPresent(path + "/below"))
        let long = directory.path + "/" + String(repeating: "n", count: 300)
        #expect(refusal { _ = try Files.isPresent(long) }?.name == "file" && !Files.isAbsent(long))
        // Nor is the zone of a file that cannot be opened one that there is not.
        #expect(try ZoneFiles.read("No/Such") == nil && ZoneFiles.read("Europe") == nil)
        #expect(throws: ZoneFailure.self) { try ZoneFiles.read(String(repeating: "n", count: 300)) }
    }

    @Test func linkInPlaceOfADirectoryIsNotEntered() throws {
        try Files.makeDirectory(directory.path + "/real")
        #expect(unsafe symlink(directory.path + "/real", path) == 0)
        let errors = [
            refusal { try Files.makeDirectory(path) },
            refusal { try Files.replace(path + "/x", with: [1].span) },
            refusal { close(try Files.open(path + "/x", .create)) },
            refusal { _ = try Files.names(in: path) },
        ]
        for error in errors { #expect(error?.name == "unsafe_file") }
        #expect(try Files.names(in: directory.path + "/real") == [])
    }

    @Test func directoryThatOthersCanReadIsClosedToThem() throws {
        try Files.makeDirectory(path)
        setMode(path, 0o755)
        try Files.makeDirectory(path)
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o700)
    }
}
