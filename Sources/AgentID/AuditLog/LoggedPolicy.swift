internal import StrictJSON

extension AuditReader {
    /// The newest version of a policy that entries from an index on say was put in force; `nil` where none does.
    func newestPolicy(from index: UInt64) throws(AgentIDError) -> Int64? {
        var (next, newest) = (max(index, kept.from), nil as Int64?)
        while next < count {
            let entries = try entries(from: next)
            guard !entries.isEmpty else { break }
            for entry in entries {
                // In canonical form, nothing of such an event stands before its name.
                guard entry.starts(with: Self.beginning), let event = try? JSON(parsing: entry).root,
                    event["kind"]?.equals("event") == true, let version = event["policy"]?["version"]?.int
                else { continue }
                newest = max(newest ?? 0, Int64(version))
            }
            next += UInt64(entries.count)
        }
        return newest
    }

    private static let beginning = Array(#"{"event":"policy","#.utf8)
}
