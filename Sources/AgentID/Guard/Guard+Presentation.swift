extension Guard {
    /// Decides one call by a presentation as received, a JSON object (AAT section 7.4). Never throws: a presentation
    /// that cannot be read is denied, counted and recorded.
    ///
    /// - Parameters:
    ///   - presentation: `{"aat_chain": [...], "aat_pop": "..."}`, see ``Presentation``.
    ///   - tool: The tool.
    ///   - arguments: A JSON object, the very bytes that the tool acts on.
    public func check(presentation: [UInt8], tool: String, arguments: [UInt8]) -> Decision {
        let read: Presentation
        do throws(AgentIDError) { read = try Presentation(parsing: presentation) } catch {
            return refuse(CallFault(error), tool: tool, chain: [])
        }
        return check(chain: read.chain, proof: read.proof, tool: tool, arguments: arguments)
    }
}
