internal import Glibc
internal import JOSE

// The page of meters as `doctor` looks at it: nothing is made, mapped or changed.
extension MetersFile {
    /// Refuses a file that guards would refuse. A missing or unfinished file passes.
    ///
    /// - Parameters:
    ///   - epoch: names the registry whose meters these are.
    ///   - known: the least number of turns that it knows of.
    static func check(_ path: String, epoch: SIMD2<UInt64>, turns known: UInt64) throws(AgentIDError) {
        guard let file = try Files.openIfPresent(path, .read, forbidden: 0o077) else { return }
        defer { _ = close(file) }
        guard let header = try read(file, path) else { return }
        guard header.epoch == epoch else { throw MetersHeader.refusal(path, "belongs to another registry") }
        // Before the page is read, which is never behind.
        let turns = (try? MetersWitness(beside: path, known: known, isWriter: false))?.turns ?? known
        let clock = MetersClock(steady: .machine, believesSteps: false, follows: false, secret: header.key)
        // Both words of a slot may be read at different times while guards write them: what is damaged stays so.
        for _ in 0..<8 {
            guard let page = MappedMemory(-1, from: 0, count: header.length) else {
                throw AgentIDError(.internal, name: "memory", message: "there is no memory for a copy of \(path)")
            }
            let count = unsafe pread(file, page.start, header.length, 0)
            guard count >= 0 else { throw Files.failure("cannot read", path) }
            guard count == header.length else { continue }
            let words = unsafe MetersWords(page.start, header)
            if words.isSound(header) {
                guard words.turns >= turns || clock.isNew(words) || clock.isNewRun(words) else {
                    throw MetersHeader.refusal(path, MetersHeader.older)
                }
                return
            }
            usleep(1000)
        }
        throw MetersHeader.refusal(path, "is damaged")
    }
}

extension MetersWords {
    /// Whether all of the page is what this library writes, and no slot that was claimed is blank.
    func isSound(_ header: MetersHeader) -> Bool {
        guard holds(header.words), MeterPlaces.isSound(line, header.key), addsUp(header.buckets) else {
            return false
        }
        for bucket in 0..<header.buckets {
            let claimed = claimed(of: bucket)
            guard claimed <= MetersPage.slotsPerBucket else { return false }
            for position in 0..<MetersPage.slotsPerBucket {
                let slot = bucket * MetersPage.slotsPerBucket + position
                guard let pair = try? MeterPlaces.read(slot, self, header.key), pair.name != 0 || position >= claimed
                else { return false }
            }
        }
        return true
    }
}
