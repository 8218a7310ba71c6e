internal import CostCases
internal import StrictJSON

/// No input under the documented limits costs more than its bound: the first byte is the operation, the others its input.
///
/// The bound is ten times what `agentid-cost` holds the library to on its own, for the instrumented build is that much
/// slower; three runs must be over it, so that nothing else the machine does is a finding.
struct CostTarget: FuzzTarget {
    private static let bound = 500_000_000
    private let world: World

    init() {
        do { world = try World() } catch { fatalError("\(error)") }
    }

    func run(_ input: [UInt8]) {
        guard let first = input.first else { return }
        let operation = Operation.allCases[Int(first) % Operation.allCases.count]
        guard let run = world.prepare(operation, Array(input.dropFirst().prefix(200))) else { return }
        guard cost(runs: 1, of: run) > Self.bound else { return }
        property(cost(runs: 2, of: run) <= Self.bound, "what is under the limits costs little")
    }
}
