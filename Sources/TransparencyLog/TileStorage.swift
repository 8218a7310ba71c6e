/// Reads the files of a log by their path within it.
public protocol TileReader {
    /// The whole file; `nil` where there is none.
    func read(_ path: String) throws(TransparencyLogError) -> [UInt8]?
}

/// Keeps the files of a log by their path within it.
public protocol TileStorage: TileReader {
    /// Puts a whole file in place of any that was there; it is durable when this returns.
    func write(_ path: String, _ bytes: [UInt8]) throws(TransparencyLogError)
}
