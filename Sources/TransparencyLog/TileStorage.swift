/// Reads the files of a log by their path within it.
public protocol TileReader {
    /// The whole file; `nil` where there is none.
    func read(_ path: String) throws(TransparencyLogError) -> [UInt8]?
}

/// Keeps the files of a log by their path within it.
public protocol TileStorage: TileReader {
    /// Puts a whole file in place of any that was there. It has to be durable before a checkpoint covers it.
    func write(_ path: String, _ bytes: [UInt8]) throws(TransparencyLogError)
}
