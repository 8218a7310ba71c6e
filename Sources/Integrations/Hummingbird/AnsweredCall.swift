#if Hummingbird
    internal import AgentID
    internal import HTTPTypes
    internal import Hummingbird
    internal import Logging

    /// The call that a request is, until its answer is known. It ends once, as the answer says, unless the handler has ended it.
    struct AnsweredCall: Sendable {
        private let call: Call
        private let logger: Logger

        init(_ call: Call, logger: Logger) {
            self.call = call
            self.logger = logger
        }

        /// The answer, which ends the call: an error does here, anything else before the last part of it is written.
        func ended(by response: Response, to method: HTTPRequest.Method) -> Response {
            guard response.status.code < 400 else {
                Task.isCancelled ? left() : failed("status \(response.status.code)")
                return response
            }
            let body = response.body
            guard method != .head, body.contentLength != 0 else {  // no body is written
                done()
                return response
            }
            var response = response
            response.body = ResponseBody(contentLength: body.contentLength) { writer in
                do { try await body.write(AnswerWriter(writer, of: self, length: body.contentLength)) } catch {
                    failed(error)
                    throw error
                }
                left()  // where it has not come to its end
            }
            return response
        }

        /// The handler, or what it streams, threw. Of an error only the type is recorded.
        func failed(_ error: any Error) {
            // A client can have a handler cancelled: what has begun then counts.
            guard !(error is CancellationError), !Task.isCancelled else { return left() }
            guard let answer = error as? any HTTPResponseError else { return end(failure: Call.failure(error)) }
            answer.status.code < 400 ? done() : failed("status \(answer.status.code)")
        }

        private func failed(_ how: String) { end(failure: "failed: \(how)") }

        /// The answer has ended.
        func done() { end(failure: nil) }

        /// Nobody reads the answer to its end. The call succeeded: to hang up gives nothing back.
        func left() {
            guard !call.hasEnded else { return }
            do { try call.commit("closed early") } catch { told(error) }
        }

        private func end(failure: String?) {
            do { try call.leave(failure: failure) } catch { told(error) }
        }

        /// An outcome that cannot be recorded does not take the answer away.
        private func told(_ error: AgentIDError) {
            guard error.name != "call_ended" else { return }  // by the handler, meanwhile
            logger.warning(
                "the outcome of a permitted request could not be recorded",
                metadata: ["decision": .string(call.decision.id), "error": .string(error.name)])
        }
    }

    /// Writes an answer, and ends its call before the last part of it, or where nobody reads on.
    private struct AnswerWriter: ResponseBodyWriter {
        private var writer: any ResponseBodyWriter
        private let call: AnsweredCall
        /// The bytes to come, where that is known.
        private var rest: Int?

        init(_ writer: any ResponseBodyWriter, of call: AnsweredCall, length: Int?) {
            self.writer = writer
            self.call = call
            rest = length
        }

        mutating func write(_ buffer: ByteBuffer) async throws {
            count(buffer.readableBytes)
            do { try await writer.write(buffer) } catch {
                call.left()
                throw error
            }
        }

        mutating func write(contentsOf buffers: some Sequence<ByteBuffer>) async throws {
            let buffers = Array(buffers)
            for buffer in buffers { count(buffer.readableBytes) }
            do { try await writer.write(contentsOf: buffers) } catch {
                call.left()
                throw error
            }
        }

        consuming func finish(_ trailers: HTTPFields?) async throws {
            call.done()
            try await writer.finish(trailers)
        }

        private mutating func count(_ bytes: Int) {
            guard let before = rest else { return }
            rest = max(0, before - bytes)
            if rest == 0 { call.done() }
        }
    }
#endif
