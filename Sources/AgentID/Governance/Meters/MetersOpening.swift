internal import JOSE

/// The page of meters that a guard uses, or all guards of an authority without a directory: opened when a call is first
/// about a rule that needs one.
final class MetersOpening: Sendable {
    private let path: String?
    private let epoch: SIMD2<UInt64>
    private let isMachine: Bool
    private let isDurable: Bool
    private let isCopy: Bool
    private let steady: SteadyClock
    let registry: any Registry
    private let opened = LatestPlace()
    private let openedLedger = LatestPlace()
    private let opening = Locked(())

    /// - Parameters:
    ///   - path: of the file that guards of a directory share; `nil` for a page of this authority alone.
    ///   - epoch: of the registry that is followed.
    ///   - registry: lends budgets, where there is no directory.
    ///   - isMachine: whether the guard's clock is the machine's own.
    ///   - isDurable: whether what is answered is on the disk before.
    ///   - isCopy: whether they are only looked at, as on a disk that is read-only: no file is made or changed.
    ///   - steady: the clock that nobody sets.
    init(
        path: String?, epoch: SIMD2<UInt64>, registry: any Registry, isMachine: Bool, isDurable: Bool,
        isCopy: Bool = false, steady: SteadyClock
    ) {
        (self.path, self.epoch, self.registry) = (path, epoch, registry)
        (self.isMachine, self.isDurable, self.isCopy, self.steady) = (isMachine, isDurable, isCopy, steady)
    }

    /// Whether there is a page, or that cannot be found out: a file is made when a call is first about a rule that needs one.
    var isThere: Bool { path.map { !Files.isAbsent($0) } ?? true }

    /// Whether labels can be let go without waiting for a file to be opened.
    var canRelease: Bool { path == nil || opened.found(MetersPage.self) != nil || !isThere }

    /// The page, where anything was ever kept in it; one that is not open yet only if this `opens` it.
    func pageInUse(_ now: Int64, opens: Bool) -> MetersPage? {
        opened.found(MetersPage.self) ?? (opens && path != nil && isThere ? try? page(now) : nil)
    }

    /// The time by the page's clock, which no wrong clock moves, in milliseconds; `now` where there is no page, `nil` where it
    /// cannot be read, or is not opened and is not to be.
    func time(_ now: Int64, opening isOpening: Bool) -> Int64? {
        guard let page = pageInUse(now, opens: isOpening) else {
            return path != nil && isThere ? nil : now
        }
        return (try? page.look(now))?.milliseconds
    }

    /// The page; denies where it cannot be opened, and looks again at the next call.
    func page(_ now: Int64) throws(Denial) -> MetersPage {
        if let page = opened.found(MetersPage.self) { return page }
        do throws(AgentIDError) {
            return try opening.withLock { _ throws(AgentIDError) in
                if let page = opened.found(MetersPage.self) { return page }
                // What all share begins with the machine's two clocks, whatever clock a program brings.
                let begins = path != nil && steady.isMachine ? CheckedClock(SystemClock()).milliseconds : now
                let page = try MetersPage(
                    path: isCopy && !isThere ? nil : path, epoch: epoch, turns: registry.reached(.meters),
                    believesSteps: path == nil && !isMachine, follows: isMachine, now: begins, isDurable: isDurable,
                    isCopy: isCopy, steady: steady)
                return opened.replaced { _ in page }
            }
        } catch { throw Denial("meters_damaged", error.message, at: "policy") }
    }

    /// The budgets; denies where they cannot be opened, and looks again at the next call.
    func ledger(_ now: Int64) throws(Denial) -> BudgetLedger {
        if let ledger = openedLedger.found(BudgetLedger.self) { return ledger }
        let page = try page(now)
        do throws(AgentIDError) {
            return try opening.withLock { _ throws(AgentIDError) in
                if let ledger = openedLedger.found(BudgetLedger.self) { return ledger }
                // A guard of a directory may only read its registry: what lends is opened when it is needed.
                let ledger =
                    if let path, !isCopy { try BudgetLedger(directory: Files.split(path).parent, page) } else {
                        BudgetLedger(registry, page)
                    }
                return openedLedger.replaced { _ in ledger }
            }
        } catch { throw Denial("budget_unavailable", "the budgets cannot be opened: \(error.message)", at: "policy") }
    }
}
