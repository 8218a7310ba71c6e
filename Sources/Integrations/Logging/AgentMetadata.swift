#if SwiftLog
    public import AgentIDAsync
    public import Logging

    extension Logger.MetadataProvider {
        /// Adds `agent`, the SPIFFE ID of the agent that the present task acts as (``Agent/current``), to each line of a logger.
        ///
        /// Adds nothing outside of `withAgent`, and nothing for an agent that was closed. Never a key, a token or an argument.
        ///
        ///     LoggingSystem.bootstrap(StreamLogHandler.standardError, metadataProvider: .agentID)
        public static let agentID = Logger.MetadataProvider {
            guard let agent = Agent.current, let id = try? agent.id() else { return [:] }
            return ["agent": .string(id)]
        }
    }

    extension Decision {
        /// This decision for a line of a log: `tool`, `permitted`, and where there are such `agent`, `principal`, `decision`
        /// (its ID in the audit log), `reason`, `argument` (its name, never its value) and `link`; `issuer` is the authority
        /// whose word the names are.
        public var metadata: Logger.Metadata {
            var metadata: Logger.Metadata = ["tool": .string(tool), "permitted": .stringConvertible(isPermitted)]
            if let agent { metadata["agent"] = .string(agent) }
            if let principal { metadata["principal"] = .string(principal) }
            if let issuer { metadata["issuer"] = .string(issuer.name) }
            if !id.isEmpty { metadata["decision"] = .string(id) }
            if let denial {
                metadata["reason"] = .string(denial.reason.rawValue)
                if let argument = denial.argument { metadata["argument"] = .string(argument) }
                if let link = denial.link { metadata["link"] = .stringConvertible(link) }
            }
            return metadata
        }
    }
#endif
