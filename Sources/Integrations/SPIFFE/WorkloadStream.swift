#if SPIFFE
    internal import AgentID
    internal import GRPCCore
    internal import StrictJSON
    internal import Synchronization

    /// The answers of one agent's socket: now, and again whenever they are others.
    final class WorkloadStream: Sendable {
        /// The most streams of one agent at once.
        private static let most = 8

        private let source: SVIDSource
        private let poll: Duration
        private let federated: @Sendable () -> [X509Bundle]
        private let open = Atomic(0)

        init(_ source: SVIDSource, poll: Duration, federated: @escaping @Sendable () -> [X509Bundle]) {
            (self.source, self.poll, self.federated) = (source, poll, federated)
        }

        func register<Transport>(in router: inout RPCRouter<Transport>) {
            register("FetchX509SVID", in: &router) { [self] () async throws(NoSVID) in
                let svid = try await source.svid()
                do throws(AgentIDError) {
                    return try await WorkloadMessages.svid(svid, own: source.issuer.bundle(), federated: federated())
                } catch { throw .failed(error) }
            }
            register("FetchX509Bundles", in: &router) { [self] () async throws(NoSVID) in
                _ = try await source.svid()  // only for an agent that acts
                do throws(AgentIDError) {
                    return WorkloadMessages.bundles([try await source.issuer.bundle()] + federated())
                } catch { throw .failed(error) }
            }
        }

        private func register<Transport>(
            _ method: String, in router: inout RPCRouter<Transport>,
            _ answer: @escaping @Sendable () async throws(NoSVID) -> [UInt8]
        ) {
            router.registerHandler(
                forMethod: MethodDescriptor(fullyQualifiedService: "SpiffeWorkloadAPI", method: method),
                deserializer: UnreadMessage(), serializer: EncodedMessage()
            ) { [self] request, context in
                // SPIFFE Workload Endpoint, 3.
                guard request.metadata[stringValues: "workload.spiffe.io"].contains(where: { $0.isSame(as: "true") })
                else {
                    throw RPCError(code: .invalidArgument, message: "the header workload.spiffe.io: true is missing")
                }
                return StreamingServerResponse { [self] writer in
                    try await stream(to: writer, until: context.cancellation, answer)
                    return [:]
                }
            }
        }

        private func stream(
            to writer: RPCWriter<[UInt8]>, until end: ServerContext.RPCCancellationHandle,
            _ answer: () async throws(NoSVID) -> [UInt8]
        ) async throws {
            defer { open.subtract(1, ordering: .relaxed) }
            guard open.add(1, ordering: .relaxed).newValue <= Self.most else {
                throw RPCError(code: .resourceExhausted, message: "an agent has \(Self.most) streams at once at most")
            }
            var sent: [UInt8] = []
            while !end.isCancelled {
                let now: [UInt8]
                do throws(NoSVID) { now = try await answer() } catch {
                    // SPIFFE Workload API, 6.1: no identity is PERMISSION_DENIED.
                    throw RPCError(code: .permissionDenied, message: "this agent gets no SVID: \(error.name)")
                }
                if now != sent {
                    try await writer.write(now)
                    sent = now
                }
                await pause()
            }
            throw RPCError(code: .unavailable, message: "this agent is served here no more")
        }

        /// Waits until it is time to look again, or the stream is to end.
        private func pause() async {
            let sleeping = Task { [poll] in try? await Task.sleep(for: poll) }
            await withRPCCancellationHandler {
                await sleeping.value
            } onCancelRPC: {
                sleeping.cancel()
            }
        }
    }

    /// Reads nothing: the requests of the Workload API are empty.
    private struct UnreadMessage: MessageDeserializer {
        func deserialize(_ bytes: some GRPCContiguousBytes) throws -> [UInt8] { [] }
    }

    /// A message that is encoded already.
    private struct EncodedMessage: MessageSerializer {
        func serialize<Bytes: GRPCContiguousBytes>(_ message: [UInt8]) throws -> Bytes { Bytes(message) }
    }
#endif
