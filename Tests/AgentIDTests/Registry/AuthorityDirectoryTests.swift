import Foundation
import JOSE
import Scopes
import Testing

@testable import AgentID

/// An authority in a directory: what it keeps, and whom it refuses.
@Suite struct AuthorityDirectoryTests {
    private func open(_ path: String, _ change: (inout Authority.Options) throws -> Void = { _ in }) throws -> Authority
    {
        var options = Authority.Options()
        options.trustDomain = "acme.example"
        try change(&options)
        return try Authority.open(directory: path, options: options)
    }

    private func refusal(_ body: () throws -> Void) -> AgentIDError? {
        do {
            try body()
            return nil
        } catch { return error as? AgentIDError }
    }

    @Test func reopenedAuthorityIsTheSame() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/authority"
        let profile = try Profile(name: "p", owner: "team:x", ceiling: Scope("a"))
        let bundle: String
        do {
            let authority = try open(path)
            try authority.put(profile)
            try authority.revoke(Revocation(.key, String(repeating: "k", count: 43)), reason: "lost")
            bundle = try authority.bundle()
        }
        let authority = try open(path) { ($0.trustDomain, $0.mustExist) = (nil, true) }
        #expect(authority.trustDomain.name == "acme.example")
        #expect(try authority.profiles() == [profile])
        #expect(try authority.revocations() == [Revocation(.key, String(repeating: "k", count: 43))])
        #expect(try authority.bundle() == bundle)
        for (file, mode) in [("", 0o700), ("/keys", 0o700), ("/registry.db", 0o600), ("/sequence", 0o600)] {
            let attributes = try FileManager.default.attributesOfItem(atPath: path + file)
            #expect(attributes[.posixPermissions] as? Int == mode, "\(file)")
        }
    }

    @Test(arguments: [true, false]) func noOtherRegistryIsMadeInThePlaceOfOneThatIsGone(_ isEmptied: Bool) throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/authority"
        try open(path).put(Profile(name: "p", owner: "team:x", ceiling: Scope("a")))
        // Where it was closed, it is this one file.
        let files = ["registry.db", "registry.db-wal", "registry.db-shm"]
        for file in files {
            try? FileManager.default.moveItem(atPath: "\(path)/\(file)", toPath: "\(directory.path)/\(file)")
        }
        if isEmptied { #expect(FileManager.default.createFile(atPath: "\(path)/registry.db", contents: nil)) }
        setMode(path + "/registry.db", 0o600)
        let names = Set(try FileManager.default.contentsOfDirectory(atPath: path))
        #expect(refusal { _ = try open(path) }?.name == "registry_replaced")
        #expect(refusal { _ = try open(path) { $0.mustExist = true } }?.name == "registry_replaced")
        var options = Guard.Options()
        options.audience = "files"
        let refused = refusal { _ = try Guard.open(directory: path, options) }?.name
        #expect(refused == (isEmptied ? "no_registry" : "registry_replaced"))
        #expect(Set(try FileManager.default.contentsOfDirectory(atPath: path)) == names)
        for file in files {
            try? FileManager.default.removeItem(atPath: "\(path)/\(file)")
            try? FileManager.default.moveItem(atPath: "\(directory.path)/\(file)", toPath: "\(path)/\(file)")
        }
        #expect(try open(path).profiles().map(\.name) == ["p"])
    }

    @Test func anotherTrustDomainIsRefusedAndNothingIsTouched() throws {
        let directory = try TemporaryDirectory()
        try open(directory.path).put(Profile(name: "p", owner: "team:x", ceiling: Scope("a")))
        let error = refusal { _ = try open(directory.path) { $0.trustDomain = "other.example" } }
        #expect(error?.name == "other_trust_domain")
        #expect(error?.message.contains("acme.example") == true)
        #expect(try open(directory.path).profiles().count == 1)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path + "/keys").count == 3)
    }

    @Test(arguments: [0o770, 0o707, 0o777]) func directoryThatOthersCanWriteIsRefused(mode: Int) throws {
        let directory = try TemporaryDirectory()
        _ = try open(directory.path)
        setMode(directory.path, mode_t(mode))
        let errors = [
            refusal { _ = try open(directory.path) },
            refusal { _ = try Guard.open(directory: directory.path, .named) },
        ]
        for error in errors {
            #expect(error?.name == "unsafe_permissions")
            #expect(error?.message.contains("chmod 700") == true)
        }
        setMode(directory.path, 0o700)
        setMode(directory.path + "/keys", mode_t(mode))
        #expect(refusal { _ = try open(directory.path) }?.name == "unsafe_permissions")
        setMode(directory.path + "/keys", 0o700)
        _ = try open(directory.path)
    }

    @Test func creationThatDiedIsTakenUp() throws {
        let directory = try TemporaryDirectory()
        try FileManager.default.createDirectory(atPath: directory.path + "/keys", withIntermediateDirectories: false)
        setMode(directory.path + "/keys", 0o700)
        try Data().write(to: URL(fileURLWithPath: directory.path + "/registry.db"))
        setMode(directory.path + "/registry.db", 0o600)
        #expect(refusal { _ = try open(directory.path) { $0.mustExist = true } }?.code == .notFound)
        #expect(try open(directory.path).bundle().contains("keys"))
        _ = try open(directory.path) { $0.mustExist = true }
    }

    @Test func processesThatCreateTheSameAuthorityShareOne() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/authority"
        func create(_ name: String) async {
            await #expect(processExitsWith: .success) { [path = path as String, name = name as String] in
                var options = Authority.Options()
                options.trustDomain = "acme.example"
                let authority = try Authority.open(directory: path, options: options)
                try authority.put(Profile(name: name, owner: "team:x", ceiling: Scope("a")))
                let agent = try authority.startAgent(
                    profile: name, AgentRequest(principal: "user:x", task: "t", scope: Scope("a")))
                guard try agent.check(tool: "a", arguments: Array("{}".utf8)).isPermitted else { exit(3) }
            }
        }
        async let one: Void = create("one")
        async let two: Void = create("two")
        async let three: Void = create("three")
        _ = await (one, two, three)
        let authority = try open(path)
        #expect(try authority.profiles().map(\.name) == ["one", "three", "two"])
        #expect(try authority.registry.read { try $0.agents(AgentFilter()) }.count == 3)
        #expect(try FileManager.default.contentsOfDirectory(atPath: path + "/keys").count == 3)
    }

    @Test func aPassphraseThatWouldProtectNothingIsRefused() throws {
        let directory = try TemporaryDirectory()
        _ = try open(directory.path)
        #expect(
            refusal { _ = try open(directory.path) { $0.passphrase = try Passphrase([1]) } }?.name
                == "passphrase_unused")
        var options = Authority.Options()
        (options.trustDomain, options.passphrase) = ("acme.example", try Passphrase([1]))
        #expect(refusal { _ = try Authority.open(directory: nil, options: options) }?.name == "passphrase_unused")
        options.signer = try SigningKey.generate()
        #expect(
            refusal { _ = try Authority.open(directory: directory.path + "/other", options: options) }?.name
                == "passphrase_unused")
        #expect(refusal { _ = try Passphrase([]) }?.name == "passphrase_missing")
        #expect(refusal { _ = try Passphrase([UInt8](repeating: 1, count: 4097)) }?.code == .limit)
    }

    @Test func keysInTheOpenAreSealedWhereThatIsAskedFor() throws {
        let directory = try TemporaryDirectory()
        let passphrase = try Passphrase(Array("correct horse".utf8))
        let held = try open(directory.path)
        try held.put(Profile(name: "p", owner: "team:x", ceiling: Scope("a")))
        #expect(try Authority.sealKeys(in: directory.path, under: passphrase) == 2)
        #expect(try Authority.sealKeys(in: directory.path, under: passphrase) == 0)
        #expect(
            refusal { _ = try Authority.sealKeys(in: directory.path, under: Passphrase([1])) }?.name
                == "passphrase_wrong")
        #expect(refusal { _ = try open(directory.path) }?.name == "passphrase_missing")
        let request = AgentRequest(principal: "user:x", task: "t", scope: try Scope("a"))
        _ = try held.startAgent(profile: "p", request)
        // One key in the open beside sealed ones could be opened neither way.
        #expect(refusal { try held.publishKey() }?.name == "passphrase_missing")
        _ = try open(directory.path) { $0.passphrase = passphrase }.startAgent(profile: "p", request)
    }

    @Test func passphraseIsAskedForAtOpeningAndWorksAfterAnotherProcessRotated() throws {
        let directory = try TemporaryDirectory()
        let passphrase = Array("correct horse".utf8)
        let first = try open(directory.path) { $0.passphrase = try Passphrase(passphrase) }
        try first.put(Profile(name: "p", owner: "team:x", ceiling: Scope("a")))
        #expect(refusal { _ = try open(directory.path) }?.name == "passphrase_missing")
        #expect(
            refusal { _ = try open(directory.path) { $0.passphrase = try Passphrase([1]) } }?.name == "passphrase_wrong"
        )
        let second = try open(directory.path) { $0.passphrase = try Passphrase(passphrase) }
        try second.publishKey()
        #expect(refusal { try first.publishKey() }?.name == "key_published")
        try second.activateKey()
        let request = AgentRequest(principal: "user:x", task: "t", scope: try Scope("a"))
        #expect(try first.startAgent(profile: "p", request).check(tool: "a", arguments: bytes("{}")).isPermitted)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: directory.path + "/keys").count == 3,
            "the retired key's private half is gone: the active one, the log's and the digest's stay")
    }

    @Test(.enabled(if: geteuid() == 0, "left out: only root has other users' directories"))
    func rootIsRefusedInAnotherUsersDirectoryAndToldWhoseItIs() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/theirs"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        setMode(path, 0o700)
        setOwner(path, 65_534)
        func expectRefused() {
            for error in [
                refusal { _ = try open(path) }, refusal { _ = try open(path) { $0.mustExist = true } },
                refusal { _ = try Guard.open(directory: path, .named) },
                refusal { _ = try AuditReader(authority: path) },
            ] where error?.code != .notFound {
                #expect(error?.name == "directory_owner")
                #expect(error?.message.contains("user 65534") == true)
            }
        }
        expectRefused()
        #expect(try FileManager.default.contentsOfDirectory(atPath: path).isEmpty)
        setOwner(path, 0)
        try open(path).close()
        let names = try FileManager.default.subpathsOfDirectory(atPath: path)
        setOwner(path, 65_534)
        expectRefused()
        #expect(try FileManager.default.subpathsOfDirectory(atPath: path) == names)
    }

    @Test(.enabled(if: geteuid() == 0, "left out: only root has other users' links"))
    func rootFollowsNoLinkThatAnotherUserMade() throws {
        let directory = try TemporaryDirectory()
        let (own, home) = (directory.path + "/own", directory.path + "/home")
        try open(own).close()
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: false)
        for (link, target, path) in [
            ("acme", own, "acme"), ("up", directory.path, "up/own"), ("again", "acme", "again"),
        ] {
            try FileManager.default.createSymbolicLink(atPath: "\(home)/\(link)", withDestinationPath: target)
            let place = "\(home)/\(path)"
            func refusals() -> [String?] {
                [
                    refusal { _ = try open(place) }?.name,
                    refusal { _ = try Guard.open(directory: place, .named) }?.name,
                    refusal { _ = try AuditReader(authority: place) }?.name,
                ]
            }
            _ = unsafe lchown("\(home)/\(link)", 65_534, 65_534)
            #expect(refusals() == Array(repeating: "unsafe_file", count: 3))
            _ = unsafe lchown("\(home)/\(link)", 0, 0)
            #expect(refusals() == [nil, nil, nil], "root's own links lead on")
        }
    }

    @Test(arguments: [["README", "src/"], [".git/"], ["keys/id_rsa"]])
    func directoryInUseIsRefusedAndStaysAsItWas(names: [String]) throws {
        let directory = try TemporaryDirectory()
        setMode(directory.path, 0o755)
        for name in names {
            let path = URL(fileURLWithPath: directory.path + "/" + name)
            let made = name.hasSuffix("/") ? path : path.deletingLastPathComponent()
            try FileManager.default.createDirectory(at: made, withIntermediateDirectories: true)
            if !name.hasSuffix("/") { try Data().write(to: path) }
        }
        let before = try FileManager.default.subpathsOfDirectory(atPath: directory.path)
        let error = refusal { _ = try open(directory.path) }
        #expect(error?.name == "directory_in_use")
        #expect(
            error?.message.contains(names[0].replacing("/", with: "", maxReplacements: names[0].hasSuffix("/") ? 1 : 0))
                == true)
        #expect(try FileManager.default.subpathsOfDirectory(atPath: directory.path) == before)
        #expect(
            try FileManager.default.attributesOfItem(atPath: directory.path)[.posixPermissions] as? Int == 0o755)
    }

    /// To the system a path ends at a NUL, and files below an empty one are those of the root.
    @Test func aPathThatNamesAnotherDirectoryOrNoneIsRefused() throws {
        let directory = try TemporaryDirectory()
        try open(directory.path).close()
        var options = Guard.Options()
        options.audience = "files"
        for (path, name) in [("", "no_authority"), (directory.path + "\0/other", "directory")] {
            let calls: [() throws -> Void] = [
                { _ = try Guard.open(directory: path, options) }, { _ = try AuditReader(authority: path) },
                { _ = try RegistryInspection(of: path) },
                { _ = try Authority.sealKeys(in: path, under: Passphrase(Array("secret".utf8))) },
                { _ = try Authority.acceptRestored(directory: path, passphrase: nil) },
            ]
            for (index, call) in calls.enumerated() {
                let refused = refusal(call)
                #expect(refused?.name == name && refused?.place == "directory", "\(index) \(path.utf8.count)")
            }
        }
        #expect(refusal { _ = try open(directory.path + "\0/other") }?.name == "directory")
        #expect(refusal { _ = try AuditReader(authority: "") }?.message == "an empty path names no directory")
    }

    @Test func emptyDirectoryOfAnyModeBecomesPrivate() throws {
        let directory = try TemporaryDirectory()
        setMode(directory.path, 0o755)
        _ = try open(directory.path)
        let attributes = try FileManager.default.attributesOfItem(atPath: directory.path)
        #expect(attributes[.posixPermissions] as? Int == 0o700)
    }

    @Test(arguments: ["registry.db", "registry.db-wal", "registry.db-shm", "registry.db-journal", "lock", "sequence"])
    func linkAndFIFOInPlaceOfAFileAreRefused(name: String) throws {
        let directory = try TemporaryDirectory()
        let (path, target) = (directory.path + "/authority", directory.path + "/target")
        try open(path).close()
        try Data("precious".utf8).write(to: URL(fileURLWithPath: target))
        setMode(target, 0o600)
        for isLink in [true, false] {
            try? FileManager.default.removeItem(atPath: path + "/" + name)
            #expect(unsafe (isLink ? symlink(target, path + "/" + name) : mkfifo(path + "/" + name, 0o600)) == 0)
            #expect(refusal { _ = try open(path) }?.name == "unsafe_file")
        }
        #expect(try String(contentsOfFile: target, encoding: .utf8) == "precious")
    }

    @Test(arguments: ["keys", "audit", "audit/segments"]) func linkInPlaceOfADirectoryIsRefused(name: String) throws {
        let directory = try TemporaryDirectory()
        let (path, target) = (directory.path + "/authority", directory.path + "/target")
        try open(path).close()
        try FileManager.default.moveItem(atPath: "\(path)/\(name)", toPath: directory.path + "/old")
        try Files.makeDirectory(target)
        #expect(unsafe symlink(target, "\(path)/\(name)") == 0)
        #expect(refusal { _ = try open(path) }?.name == "unsafe_file")
        #expect(try FileManager.default.contentsOfDirectory(atPath: target).isEmpty)
    }
}
