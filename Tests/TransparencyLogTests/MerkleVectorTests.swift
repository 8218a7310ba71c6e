import Foundation
import StrictJSON
import Testing
import TestSupport

@testable import TransparencyLog

/// Proofs from transparency-dev/merkle, right ones and mutated ones.
@Suite(.enabled(if: Corpus.isPresent, "left out: ../shared is absent"))
struct MerkleVectorTests {
    /// Every case of a family: its file and its content.
    static func cases(_ family: String) throws -> [(name: String, value: JSON.Value)] {
        let folder = "merkle/testdata/\(family)"
        let files = try #require(FileManager.default.enumerator(atPath: "\(Corpus.root)/vectors/\(folder)"))
        return try files.compactMap { $0 as? String }.filter { $0.hasSuffix(".json") }.sorted().map { file in
            // Sizes go up to 2^64 - 1, which I-JSON's numbers do not: they are read as texts.
            var text = try String(contentsOfFile: "\(Corpus.root)/vectors/\(folder)/\(file)", encoding: .utf8)
            text.replace(#/: (\d+)/#) { ": \"\($0.1)\"" }
            return (file, try JSON(parsing: Array(text.utf8)).root)
        }
    }

    static func number(_ value: JSON.Value, _ name: String) throws -> UInt64 {
        try #require(UInt64(value[name]?.string ?? ""))
    }

    static func bytes(_ value: JSON.Value?) -> [UInt8] { Array(Data(base64Encoded: value?.string ?? "") ?? Data()) }

    /// A hash of a case; one of another length is refused: to us there is no such value.
    static func hash(_ value: JSON.Value?) throws -> MerkleHash {
        guard let hash = MerkleHash(bytes(value)) else { throw TransparencyLogError("hash_length", "no hash") }
        return hash
    }

    /// A root of a case. Some are words of another length, which only ever have to equal themselves: filled up to 32.
    static func filled(_ value: JSON.Value?) throws -> MerkleHash {
        try #require(MerkleHash(Array((bytes(value) + [UInt8](repeating: 0, count: 32)).prefix(32))))
    }

    static func path(_ value: JSON.Value) throws -> [MerkleHash] {
        guard let proof = value["proof"], !proof.isNull else { return [] }
        return try proof.elements.map(hash)
    }

    /// Runs each case and returns how many there were.
    static func run(_ family: String, _ body: (JSON.Value, [MerkleHash]) throws -> Void) throws -> Int {
        let cases = try cases(family)
        for (name, value) in cases {
            let isWrong = value["wantErr"]?.bool ?? true
            let error: (any Error)?
            do {
                try body(value, path(value))
                error = nil
            } catch let caught { error = caught }
            #expect((error != nil) == isWrong, "\(family)/\(name): \(String(describing: error))")
        }
        return cases.count
    }

    @Test func inclusionVerdictsHold() throws {
        let count = try Self.run("inclusion") { value, path in
            let proof = try InclusionProof(
                index: Self.number(value, "leafIdx"), size: Self.number(value, "treeSize"), path: path)
            try proof.verify(leaf: Self.hash(value["leafHash"]), root: Self.hash(value["root"]))
        }
        #expect(count >= 74)
    }

    @Test func consistencyVerdictsHold() throws {
        let count = try Self.run("consistency") { value, path in
            let proof = try ConsistencyProof(
                oldSize: Self.number(value, "size1"), newSize: Self.number(value, "size2"), path: path)
            try proof.verify(oldRoot: Self.filled(value["root1"]), newRoot: Self.filled(value["root2"]))
        }
        #expect(count >= 74)
    }

    @Test func subtreeInclusionVerdictsHold() throws {
        let count = try Self.run("subtreeinclusion") { value, path in
            let subtree = try Subtree(start: Self.number(value, "start"), end: Self.number(value, "end"))
            try InclusionProof.verify(
                leaf: Self.hash(value["leafHash"]), at: Self.number(value, "leafIdx"), in: subtree,
                root: Self.hash(value["root"]), path: path)
        }
        #expect(count >= 136)
    }

    @Test func subtreeConsistencyVerdictsHold() throws {
        let count = try Self.run("subtreeconsistency") { value, path in
            let subtree = try Subtree(start: Self.number(value, "start"), end: Self.number(value, "end"))
            try subtree.verifyConsistency(
                root: Self.filled(value["root1"]), treeSize: Self.number(value, "size"),
                treeRoot: Self.filled(value["root2"]), path: path)
        }
        #expect(count >= 84)
    }
}
