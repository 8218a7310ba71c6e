/// Reads the files of a log by their path within it.
public protocol TileReader {
    /// Reads a whole file; `nil` if it does not exist.
    func read(_ path: String) throws(TransparencyLogError) -> [UInt8]?
}

/// Stores the files of a log by their path within it.
public protocol TileStorage: TileReader {
    /// Writes a whole file, replacing an existing one. It must be durable before a checkpoint covers it.
    func write(_ path: String, _ bytes: [UInt8]) throws(TransparencyLogError)
}
