/// A policy as it was applied.
package struct PolicyRecord: Sendable {
    package let version: Int64
    /// The document in canonical form.
    package let document: [UInt8]
    /// In seconds since 1970.
    package let appliedAt: Int64

    package init(version: Int64, document: [UInt8], appliedAt: Int64) {
        (self.version, self.document, self.appliedAt) = (version, document, appliedAt)
    }

    /// The number of versions that are kept, the newest.
    static let kept: Int64 = 100
}
