package import StrictJSON

/// Which audit log it is, and how many entries it is known to have.
package struct LogMark: Sendable, Equatable {
    /// Empty where there is none.
    @Exact package var identity: String
    package var size: Int64

    package init(identity: String, size: Int64) { (self.identity, self.size) = (identity, size) }
}
