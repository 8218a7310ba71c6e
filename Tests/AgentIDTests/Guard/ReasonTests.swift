import AgentID
import Foundation
import Testing

/// What a server answers to a denial: one table, for every language.
@Suite struct ReasonTests {
    /// The lines of `Tests/Verdicts/reasons.tsv`.
    private func lines() throws -> [[String]] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Verdicts/reasons.tsv")
        return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map {
            $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        }
    }

    @Test func aServerAnswersToEachReasonAsInEveryLanguage() throws {
        let lines = try lines()
        #expect(lines.map { $0[0] } == Reason.all.map(\.rawValue))
        for line in lines {
            let reason = Reason(rawValue: line[0])
            #expect(
                [reason.category.name, "\(reason.httpStatus)", reason.challenge ?? ""] == Array(line[1...]), "\(reason)"
            )
        }
    }

    @Test(arguments: ["of_a_newer_library", "", "repla\u{0079}ed ", "expired\" x=\"", "E\u{0301}xpired"])
    func whatIsNotAReasonIsForbiddenAndNoHeader(_ name: String) {
        let reason = Reason(rawValue: name)
        #expect(reason.category == .forbidden && reason.httpStatus == 403 && reason.challenge == nil)
    }
}
