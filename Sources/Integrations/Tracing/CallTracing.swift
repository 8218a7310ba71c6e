#if DistributedTracing
    public import AgentID
    internal import AgentIDAsync
    internal import Instrumentation
    public import Tracing

    extension Agent {
        /// Makes one call as `withCall` does, in a span of its own: with tool, decision, reason and outcome, never with an
        /// argument or with the text of an error.
        ///
        /// The span begins before the decision, ends after the tool, and is the current one while the tool runs. Where the
        /// tracer speaks W3C Trace Context, the outcome in the audit log ends with the span's `traceparent`; an outcome that
        /// the tool tells itself (`commit`, `abort`) stays as it is told.
        ///
        /// - Parameters:
        ///   - tool: The tool's name.
        ///   - arguments: A JSON object.
        ///   - tracer: Makes the span.
        ///   - isolation: The caller's.
        ///   - body: The tool.
        public func withTracedCall<Value>(
            tool: String, arguments: JSONTree, tracer: any Tracer = InstrumentationSystem.tracer,
            isolation: isolated (any Actor)? = #isolation, _ body: (Call) async throws -> Value
        ) async throws -> Value {
            try await tracer.withCall(
                tool, isolation: isolation,
                { () throws(NotPermitted) in
                    try begin(tool: tool, arguments: arguments)
                }, body)
        }
    }

    extension Guard {
        /// Makes one call by chain and proof as `withCall` does, in a span of its own. See the agent's own.
        ///
        /// - Parameters:
        ///   - chain: The chain, root first.
        ///   - proof: The holder's proof over this call.
        ///   - tool: The tool's name.
        ///   - arguments: A JSON object, as it was sent.
        ///   - tracer: Makes the span.
        ///   - isolation: The caller's.
        ///   - body: The tool.
        public func withTracedCall<Value>(
            chain: String, proof: String, tool: String, arguments: [UInt8],
            tracer: any Tracer = InstrumentationSystem.tracer, isolation: isolated (any Actor)? = #isolation,
            _ body: (Call) async throws -> Value
        ) async throws -> Value {
            try await tracer.withCall(
                tool, isolation: isolation,
                { () throws(NotPermitted) in
                    try begin(chain: chain, proof: proof, tool: tool, arguments: arguments)
                }, body)
        }
    }

    extension Tracer {
        fileprivate func withCall<Value>(
            _ tool: String, isolation: isolated (any Actor)?, _ begin: () throws(NotPermitted) -> Call,
            _ body: (Call) async throws -> Value
        ) async throws -> Value {
            // As a result: a tracer writes down the text of an error that is thrown, which may hold an argument.
            let made = await withSpan("execute_tool \(tool)", isolation: isolation) {
                span -> Result<Value, any Error> in
                span.attributes["gen_ai.operation.name"] = "execute_tool"
                span.attributes["gen_ai.tool.name"] = tool
                do {
                    let call: Call
                    do throws(NotPermitted) { call = try begin() } catch {
                        span.refuse(error)
                        throw error
                    }
                    span.attributes["agentid.decision"] = "permit"
                    span.attributes["agentid.decision_id"] = call.decision.id
                    if let agent = call.decision.agent { span.attributes["agentid.agent"] = agent }
                    let value: Value
                    do { value = try await body(call) } catch {
                        let failure = Call.failure(error)
                        span.end(outcome: failure, isFailure: true)
                        try? call.leave(isFailure: true, outcome: failure + traceparent(of: span))
                        throw error
                    }
                    try call.leave(isFailure: false, outcome: "succeeded" + traceparent(of: span))
                    span.end(outcome: "succeeded", isFailure: false)
                    return .success(value)
                } catch { return .failure(error) }
            }
            return try made.get()
        }

        /// Names a span as W3C Trace Context does, for the end of an outcome; empty where the tracer does not.
        private func traceparent(of span: Self.Span) -> String {
            var carrier: [String: String] = [:]
            inject(span.context, into: &carrier, using: Carrying())
            guard let parent = carrier["traceparent"], parent.utf8.count <= 64 else { return "" }
            return " traceparent=\(parent)"
        }
    }

    private struct Carrying: Injector {
        func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) { carrier[key] = value }
    }

    extension Span {
        fileprivate func refuse(_ error: NotPermitted) {
            switch error {
            case .denied(let decision):
                let reason = decision.denial?.reason.rawValue ?? "none"
                attributes["agentid.decision"] = "deny"
                attributes["agentid.reason"] = reason
                attributes["agentid.decision_id"] = decision.id
                if let agent = decision.agent { attributes["agentid.agent"] = agent }
                setStatus(SpanStatus(code: .error, message: reason))
            case .failed(let fault): setStatus(SpanStatus(code: .error, message: fault.name))
            }
        }

        fileprivate func end(outcome: String, isFailure: Bool) {
            attributes["agentid.outcome"] = outcome
            if isFailure { setStatus(SpanStatus(code: .error, message: outcome)) }
        }
    }
#endif
