import Foundation
package import StrictJSON

/// The corpora from outside, beside the project; absent on a clone with nothing beside it.
package enum Corpus {
    package static let root: String = {
        ProcessInfo.processInfo.environment["AGENTID_SHARED"]
            ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../../shared")
            .standardized.path
    }()

    /// Whether the corpora are here. Where `CI` is set they must be: the tests then run and fail on the missing file.
    package static var isPresent: Bool {
        FileManager.default.fileExists(atPath: root + "/vectors") || ProcessInfo.processInfo.environment["CI"] != nil
    }

    package static func json(_ path: String) throws -> JSON.Value {
        let data = try Data(contentsOf: URL(fileURLWithPath: "\(root)/vectors/\(path)"))
        return try JSON(parsing: Array(data), limits: .init(bytes: 64 << 20)).root
    }
}
