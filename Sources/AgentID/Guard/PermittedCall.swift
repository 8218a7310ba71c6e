internal import JOSE
internal import StrictJSON

/// The call that a permit is for, where its guard gives secrets: all copies of the decision share it.
final class PermittedCall: Sendable {
    let arguments: JSON.Value
    /// The guard that permitted it.
    let source: PermitSource
    /// The secrets got for it: a provider and its resource.
    private let got = Locked<Set<ExactText>>([])

    init(_ arguments: JSON.Value, by source: PermitSource) { (self.arguments, self.source) = (arguments, source) }

    /// Takes the one secret of a resource that the call is good for; `false` if it was taken before.
    func take(_ resource: String, from provider: String) -> Bool {
        got.withLock { $0.insert(Self.name(resource, provider)).inserted }
    }

    /// Gives back what ``take(_:from:)`` took: no secret was made.
    func giveBack(_ resource: String, from provider: String) {
        got.withLock { _ = $0.remove(Self.name(resource, provider)) }
    }

    private static func name(_ resource: String, _ provider: String) -> ExactText {
        "\(provider.utf8.count) \(provider)\(resource)".exact
    }
}

/// Tells the permits of one guard from those of all others, and holds its broker.
@safe final class PermitSource: Sendable {
    private let lock = Locked<Void>(())
    // SAFETY: read and written under the lock only.
    nonisolated(unsafe) private var known: (any GuardBroker)?

    /// The broker, made with the guard's first provider.
    var broker: (any GuardBroker)? { lock.withLock { _ in unsafe known } }

    /// Keeps a broker, if there is none.
    func keep(_ made: any GuardBroker) {
        lock.withLock { _ in
            let kept = unsafe known ?? made
            unsafe known = kept
        }
    }
}

/// Gives secrets for the permits of a guard: in Lifecycle.
protocol GuardBroker: AnyObject, Sendable {}
