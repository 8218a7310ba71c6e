internal import JOSE
import Foundation
import StrictJSON
import Testing

@testable import TransparencyLog

/// A log of ours, read by an implementation that shares nothing with it.
@Suite struct IndependentVerificationTests {
    struct Folder: TileStorage {
        let path: String
        func read(_ path: String) throws(TransparencyLogError) -> [UInt8]? {
            FileManager.default.contents(atPath: "\(self.path)/\(path)").map { Array($0) }
        }
        func write(_ path: String, _ bytes: [UInt8]) throws(TransparencyLogError) {
            let url = URL(fileURLWithPath: "\(self.path)/\(path)")
            do {
                try FileManager.default.createDirectory(
                    at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(bytes).write(to: url)
            } catch { throw TransparencyLogError("test", "\(error)", at: path) }
        }
    }

    static func python(_ arguments: [String]) throws -> (output: String, status: Int32) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3"] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (String(decoding: output, as: UTF8.self), process.terminationStatus)
    }

    @Test(arguments: [1, 255, 256, 1000, 66_000])
    func anotherImplementationAcceptsLogAndProofs(_ size: Int) throws {
        let folder = Folder(path: NSTemporaryDirectory() + "transparency-log-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(atPath: folder.path) }
        let (key, signing) = try NoteTests.key()
        var writer = TileWriter()
        var bundle: [UInt8] = []
        for index in 0..<size {
            let entry = Array("{\"entry\":\(index)}".utf8)
            try writer.append(.leaf(entry))
            try EntryBundle.append(entry.span, to: &bundle)
            if index % 256 == 255 || index == size - 1 {
                let tile = try #require(Tile.ofTree(size: UInt64(size), level: 0, index: UInt64(index / 256)))
                try folder.write(tile.entriesPath, bundle)
                bundle = []
            }
        }
        try writer.write(to: folder)
        let checkpoint = Checkpoint(origin: key.name, size: UInt64(size), root: writer.tree.root)
        try folder.write(Checkpoint.path, checkpoint.signed(by: key) { signing.sign($0.span) })

        var tree = try TiledTree(size: UInt64(size), reader: folder)
        func list(_ path: [MerkleHash]) -> String {
            path.map { "\"\(Data($0.bytes).base64EncodedString())\"" }.joined(separator: ",")
        }
        var proofs: [String] = []
        for index in Set([0, size / 3, size / 2, size - 1]) {
            proofs.append("{\"index\":\(index),\"path\":[\(list(try tree.inclusionProof(of: UInt64(index)).path))]}")
        }
        for old in Set([1, size / 3 + 1, size / 2 + 1, size]) where old <= size {
            proofs.append("{\"old\":\(old),\"path\":[\(list(try tree.consistencyProof(from: UInt64(old)).path))]}")
        }
        try folder.write("proofs.json", Array("[\(proofs.joined(separator: ","))]".utf8))
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("verify.py")
            .path
        let arguments = [script, folder.path, key.description, folder.path + "/proofs.json"]
        let answer = try Self.python(arguments)
        #expect(answer.output == "ok \(size) entries \(proofs.count) proofs\n")

        // And it can refuse: one bit of one entry.
        let path = try #require(Tile.ofTree(size: UInt64(size), level: 0, index: 0)).entriesPath
        var bytes = try #require(try folder.read(path))
        bytes[bytes.count - 1] ^= 1
        try folder.write(path, bytes)
        #expect(try Self.python(arguments).status != 0)
    }
}
