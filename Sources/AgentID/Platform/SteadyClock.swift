package import StrictJSON

/// A moment by a clock that nobody sets, with the boot it belongs to: moments of two boots cannot be compared.
package struct SteadyTime: Sendable, Equatable {
    /// The boot's name; empty if the machine does not tell.
    @Exact package var boot: String
    /// The milliseconds since boot, sleep included.
    package var milliseconds: Int64

    package init(boot: String, milliseconds: Int64) { (self.boot, self.milliseconds) = (boot, milliseconds) }

    /// The moment this many milliseconds later.
    func later(by milliseconds: Int64) -> SteadyTime {
        let (sum, isTooMuch) = self.milliseconds.addingReportingOverflow(milliseconds)
        return SteadyTime(boot: boot, milliseconds: isTooMuch ? .max : sum)
    }
}

/// A second clock for leases: the wall clock may be wrong in one process.
package struct SteadyClock: Sendable {
    private let read: @Sendable () -> SteadyTime
    /// Whether it is the machine's own.
    let isMachine: Bool

    package init(_ read: @escaping @Sendable () -> SteadyTime) { self.init(isMachine: false, read) }

    private init(isMachine: Bool, _ read: @escaping @Sendable () -> SteadyTime) {
        (self.isMachine, self.read) = (isMachine, read)
    }

    package var now: SteadyTime { read() }

    /// The machine's clock: CLOCK_BOOTTIME.
    package static let machine: SteadyClock = {
        let boot = runOfMachine()
        return SteadyClock(isMachine: true) { SteadyTime(boot: boot, milliseconds: MonotonicClock.sinceBoot) }
    }()

    /// The kernel's name for this boot; a container with a clock offset counts as a boot of its own.
    private static func runOfMachine() -> String {
        func text(_ bytes: some Sequence<UInt8>) -> String {
            String(decoding: bytes.filter { (0x21...0x7E).contains($0) }, as: UTF8.self)
        }
        let run = text(Files.readKernelFile("/proc/sys/kernel/random/boot_id").prefix(64))
        guard !run.isEmpty else { return "" }
        let offsets = Files.readKernelFile("/proc/self/timens_offsets")
            .split(separator: 0x0A).map { $0.split { $0 == 0x20 || $0 == 0x09 }.map(text) }
        for offset in offsets where offset.first?.isSame(as: "boottime") == true {
            let shift = offset.dropFirst().joined(separator: ".")
            return shift.isSame(as: "0.0") ? run : "\(run)+\(shift)"
        }
        return run
    }
}
