// Looks for the input that costs most: agentid-cost [seconds for each operation, 20 by default] [operations...].
// Climbs: changes bytes of the best inputs so far and keeps what costs more. Fails where anything costs over 50 ms.
// agentid-cost again OPERATION HEX measures an input that was found.
internal import CostCases
internal import Glibc
internal import StrictJSON

@main
struct Search {
    static let bound = 50_000_000

    static func main() {
        let arguments = CommandLine.arguments.dropFirst()
        let seconds = arguments.first.flatMap { Int($0) } ?? 20
        let named = arguments.dropFirst().compactMap { Operation(rawValue: $0) }
        guard let world = try? World() else { exit(1) }
        if arguments.first == "again" { again(Array(arguments.dropFirst()), world) }
        var over = 0
        if named.isEmpty {
            for attack in world.attacks() {
                let cost = CostCases.cost(runs: 3, of: attack.run)
                if cost > bound { over += 1 }
                if cost > bound / 10 { print("\(Double(cost / 10_000) / 100) ms  \(attack.name)") }
            }
        }
        for operation in named.isEmpty ? Operation.allCases : named {
            let (worst, input) = climb(operation, world, seconds)
            let hexadecimal = input.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
            print("\(operation.rawValue): \(Double(worst / 10_000) / 100) ms  \(hexadecimal)")
            fflush(nil)
            if worst > bound { over += 1 }
        }
        exit(over == 0 ? 0 : 1)
    }

    private static func again(_ arguments: [String], _ world: World) -> Never {
        guard arguments.count == 2, let operation = Operation(rawValue: arguments[0]),
            let run = bytes(hexadecimal: arguments[1]).flatMap({ world.prepare(operation, $0) })
        else {
            print("usage: agentid-cost again OPERATION HEX, both as a search printed them")
            exit(2)
        }
        print("\(operation.rawValue): \(Double(CostCases.cost(runs: 10, of: run) / 10_000) / 100) ms")
        exit(0)
    }

    private static func bytes(hexadecimal text: String) -> [UInt8]? {
        let digits = text.compactMap(\.hexDigitValue)
        guard digits.count == text.count, digits.count % 2 == 0 else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    /// A few of the dearest inputs, and what others are made of.
    private static func climb(_ operation: Operation, _ world: World, _ seconds: Int) -> (worst: Int, input: [UInt8]) {
        var best: [(cost: Int, input: [UInt8])] = []
        let end = processorTime() + seconds * 1_000_000_000
        while processorTime() < end {
            var input: [UInt8]
            if best.count < 8 || Int.random(in: 0..<10) == 0 {
                input = (0..<Int.random(in: 4...64)).map { _ in UInt8.random(in: 0...255) }
            } else {
                input = best[Int.random(in: 0..<best.count)].input
                for _ in 0...Int.random(in: 0..<4) { change(&input, best[Int.random(in: 0..<best.count)].input) }
            }
            guard let run = world.prepare(operation, input) else { continue }
            var cost = CostCases.cost(runs: 1, of: run)
            guard best.count < 8 || cost > best[7].cost else { continue }
            cost = min(cost, CostCases.cost(runs: 2, of: run))
            best.append((cost, input))
            best.sort { $0.cost > $1.cost }
            best.removeLast(max(best.count - 8, 0))
        }
        return best.first.map { ($0.cost, $0.input) } ?? (0, [])
    }

    private static func change(_ input: inout [UInt8], _ other: [UInt8]) {
        let place = Int.random(in: 0...input.count)
        switch Int.random(in: 0..<5) {
        case 0 where place < input.count: input[place] = UInt8.random(in: 0...255)
        case 1 where place < input.count: input[place] = input[place] &+ UInt8.random(in: 0...3) &- 1
        case 2: input.insert(UInt8.random(in: 0...255), at: place)
        case 3 where place < input.count: input.remove(at: place)
        default:
            guard !other.isEmpty else { return }
            let start = Int.random(in: 0..<other.count)
            input.replaceSubrange(place..., with: other[start...])
            input = Array(input.prefix(200))
        }
    }
}
