internal import StrictJSON
import Foundation
import JOSE
import Testing
import TestSupport

@testable import TransparencyLog

/// Signed notes and checkpoints.
@Suite struct NoteTests {
    static func key(_ name: String = "example.com/log") throws -> (NoteKey, SigningKey) {
        let signing = try SigningKey.generate()
        return (try NoteKey(name: name, publicKey: signing.publicKey), signing)
    }

    @Test(.enabled(if: Corpus.isPresent, "left out: ../shared is absent"))
    func verdictsOfGoHold() throws {
        let vectors = try Corpus.json("note/golang_mod_note.json")
        func text(_ name: String) throws -> String { try #require(vectors[name]?.string) }
        let (note, first, second) = (try text("text"), try text("sig1"), try text("sig2"))
        let peter = try NoteKey(text("vkey"))
        let enoch = try NoteKey(text("vkey2"))
        #expect(try peter.description == text("vkey") && enoch.description == text("vkey2"))
        for bad in try #require(vectors["bad_vkeys"]).elements {
            #expect(throws: TransparencyLogError.self) { try NoteKey(bad.string ?? "") }
        }
        let both = "\(note)\n\(first)\(second)"
        for key in [peter, enoch] { #expect(try SignedNote.open(Array(both.utf8), by: key) == note) }
        var inserted = first
        inserted.insert(contentsOf: "ABCD", at: inserted.index(inserted.startIndex, offsetBy: 60))
        let refused: [String: [UInt8]] = [
            "text only": Array(note.utf8), "text and newline": Array("\(note)\n".utf8),
            "no final newline": Array("\(note)\n\(first)".utf8.dropLast()),
            "control character": [1] + Array("\(note)\n\(first)".utf8),
            "not UTF-8": [0xFF] + Array("\(note)\n\(first)".utf8),
            "name with a space": Array("\(note)\n\(first.replacing("PeterNeumann", with: "Peter Neumann"))".utf8),
            "line behind": Array("\(note)\n\(first)more\n".utf8),
            "101 signatures": Array("\(note)\n\(String(repeating: first, count: 101))".utf8),
            "wrong name": Array("\(note)\n\(first.replacing("PeterNeumann", with: "PaterNeumann"))".utf8),
            "wrong hash": Array("\(note)\n\(first.replacing("x08g", with: "x08h"))".utf8),
            "inserted": Array("\(note)\n\(inserted)".utf8),
            "other's signature": Array("\(note)\n\(second)".utf8),
            "changed text": Array("\(note.replacing("answer", with: "Answer"))\n\(first)".utf8),
        ]
        for (name, bytes) in refused {
            #expect(throws: TransparencyLogError.self, "\(name)") { try SignedNote.open(bytes, by: peter) }
        }
    }

    @Test func everyFlippedBitOfACheckpointIsRefused() throws {
        let (key, signing) = try Self.key()
        let checkpoint = Checkpoint(origin: key.name, size: 20_852_163, root: .leaf([1, 2, 3]))
        let note = try checkpoint.signed(by: key) { signing.sign($0.span) }
        #expect(try Checkpoint(note: note, by: key) == checkpoint)
        for i in note.indices {
            for bit in 0..<8 {
                var changed = note
                changed[i] ^= 1 << UInt8(bit)
                #expect(throws: TransparencyLogError.self, "byte \(i)") { try Checkpoint(note: changed, by: key) }
            }
        }
        for count in 0..<note.count {
            #expect(throws: TransparencyLogError.self) { try Checkpoint(note: Array(note[..<count]), by: key) }
        }
    }

    @Test func checkpointsOfOtherLogsAndKeysAreRefused() throws {
        let (key, signing) = try Self.key()
        let foreign = Checkpoint(origin: "example.com/other", size: 1, root: .empty)
        let note = try foreign.signed(by: key) { signing.sign($0.span) }
        #expect { try Checkpoint(note: note, by: key) } throws: {
            ($0 as? TransparencyLogError)?.name == "checkpoint_origin"
        }
        let (other, _) = try Self.key()
        #expect(throws: TransparencyLogError.self) { try Checkpoint(note: note, by: other) }
        // A signer that signs with another key than it says is found out before the note leaves.
        #expect(throws: TransparencyLogError.self) { try foreign.signed(by: other) { signing.sign($0.span) } }
    }

    @Test func checkpointTextsHaveOneForm() throws {
        let root = Data(MerkleHash.empty.bytes).base64EncodedString()
        #expect(try Checkpoint(text: "o\n0\n\(root)\n").size == 0)
        #expect(try Checkpoint(text: "o\n9223372036854775807\n\(root)\nextension\n").size == UInt64(Int64.max))
        for text in [
            "", "o\n", "o\n0\n", "\n0\n\(root)\n", "o\n00\n\(root)\n", "o\n01\n\(root)\n", "o\n-1\n\(root)\n",
            "o\n9223372036854775808\n\(root)\n", "o\n99999999999999999999\n\(root)\n", "o\n0\n\(root)",
            "o\n0\n\(root)\n\n",
            "o\n0\n\(root.dropLast())\n", "o\n0\nAAAA\n", "o\n0x1\n\(root)\n", "o\n0\n\(root)\n\nx\n",
        ] {
            #expect(throws: TransparencyLogError.self, "\(text)") { try Checkpoint(text: text) }
        }
        for name in ["", "a b", "a+b", "a\u{2003}b", "a\nb", "\u{A0}"] {
            #expect(throws: TransparencyLogError.self) { try Self.key(name) }
        }
    }
}
