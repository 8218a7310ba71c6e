package import StrictJSON

/// The identity of an audit log, and the number of entries it is known to have.
package struct LogMark: Sendable, Equatable {
    /// The identity; empty if there is none.
    @Exact package var identity: String
    package var size: Int64

    package init(identity: String, size: Int64) { (self.identity, self.size) = (identity, size) }
}
