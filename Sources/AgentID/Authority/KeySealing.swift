internal import StrictJSON

extension Authority {
    /// Seals the private keys of a directory that are stored in the open, and returns their number. Keys that are
    /// sealed already must open with the passphrase.
    ///
    /// A process that has the authority open keeps its keys; it needs the passphrase when it opens the authority again.
    /// Backups may still hold the keys in the open: rotate the keys if that matters.
    public static func sealKeys(in path: String, under passphrase: Passphrase) throws(AgentIDError) -> Int {
        guard try AuthorityDirectory.holdsAuthority(path) else {
            throw AuthorityDirectory.missing(path)
        }
        let directory = try AuthorityDirectory(creating: path, isNew: false)
        return try directory.withLock { () throws(AgentIDError) in
            var count = 0
            for name in try Files.names(in: "\(directory.path)/keys", isReader: false, of: directory.held) ?? []
            where name.ends(exactly: ".jwk") {
                let file = "\(directory.path)/keys/\(name)"
                let (key, isSealed) = try KeyFile.open(file, in: directory.held, passphrase: passphrase)
                guard !isSealed else { continue }
                try KeyFile.write(key, to: file, in: directory.held, passphrase: passphrase)
                count += 1
            }
            return count
        }
    }
}
