/// A guess from a name at what a tool does. Reading is private unless the name says that anybody can read it, and
/// whatever may carry data to others is outward.
struct ToolMeaning {
    let isUntrusted: Bool
    let isPrivate: Bool
    let isOutward: Bool
    /// Whether the name does not tell, so that the tool counts as all three.
    let isUnclear: Bool

    var isAll: Bool { isUntrusted && isPrivate && isOutward }

    init(_ words: ToolWords) {
        let isReaching = words.say(Self.reach)
        let isReading = words.say(Self.reads) || isReaching
        let (isWeb, isStore) = (words.say(Self.web), words.say(Self.stores))
        // `read_post` reads a post, and `post` posts; `read_and_post` does both, and `post_search` may do either.
        let isJoined = words.say(Self.joins)
        let isActing = words.say(Self.acts) || words.say(Self.things) && (!isReading || isJoined)
        let isHeaded = isReading && words.isFirst(Self.things)
        // `search_mail` asks a store; `search` and `open_ticket` may ask anybody, or make one.
        let isAnywhere = isReaching && !isStore && !isWeb
        // What is joined to a reading word has to be one too: `read_and_relay`.
        let isOpenEnded =
            isReading && !isActing && isJoined && !words.parts(between: Self.joins).allSatisfy { $0.say(Self.reads) }
        let isNothing = !isWeb && !isActing && !isReading

        isUnclear = isNothing || !isActing && (isHeaded || isAnywhere || isOpenEnded || words.say(Self.doubtful))
        let isAll = isUnclear || isReading && isActing
        let isPublic = words.say(Self.open) && !isStore
        isUntrusted = isAll || isWeb || isReading
        isPrivate = isAll || !isPublic && (isReading || isWeb && !isActing)
        isOutward = isAll || isWeb || isActing
    }

    /// Whose name says one of these takes the place of something elsewhere, and who asks for it tells that place something.
    private static let web =
        open + [
            "api", "avatar", "browser", "cdn", "domain", "download", "embed", "endpoint", "feed",
            "ftp", "graphql", "host", "hostname", "href", "icon", "image", "img", "ip", "logo", "navigate", "page",
            "photo", "picture", "ping", "proxy", "redirect", "remote", "rpc", "rss", "site", "smtp", "socket",
            "ssh", "tcp", "traceroute", "tunnel", "udp", "video", "visit", "webhook",
        ]
    /// The same, and anybody can read it.
    private static let open = [
        "crawl", "curl", "dns", "http", "https", "internet", "link", "online", "scrape", "uri", "url", "web",
        "webpage", "website", "wget", "whois", "www",
    ]
    /// Others see what these do.
    private static let acts = [
        "accept", "add", "alert", "announce", "answer", "append", "apply", "approve", "archive", "assign", "attach",
        "bid", "broadcast", "buy", "cancel", "change", "clear", "click", "close", "complete", "connect", "copy",
        "create", "delete", "deploy", "deposit", "dial", "disable", "dispatch", "donate", "drop", "edit", "emit",
        "enable", "eval", "evaluate", "exec", "execute", "export", "fill", "fork", "forward", "grant", "hire", "import",
        "insert", "install", "invite", "invoke", "join", "launch", "login", "make", "merge", "modify", "move", "notify",
        "patch", "pay", "press", "print", "publish", "purchase", "push", "put", "react", "register", "reject",
        "release", "remove", "rename", "rent", "replace", "reply", "reschedule", "reserve", "respond", "restore",
        "revoke", "run", "save", "sell", "send", "set", "sign", "start", "stop", "submit", "subscribe", "sync",
        "trade", "transfer", "trigger", "tweet", "unsubscribe", "update", "upload", "withdraw", "write",
    ]
    /// The same, unless the name says that it reads one: `mail` sends, `read_mail` does not.
    private static let things = [
        "bash", "book", "call", "comment", "commit", "contact", "dm", "email", "fax", "fund", "issue", "mail",
        "message", "order", "payment", "post", "refund", "reminder", "schedule", "script", "share", "shell", "ship",
        "sms", "terminal", "text", "vote", "wire",
    ]
    private static let reads =
        reach + [
            "check", "count", "describe", "download", "find", "get", "grep", "inspect", "list", "read", "receive",
            "recall", "retrieve", "select", "show", "view",
        ]
    /// These read wherever they are told to, also elsewhere, unless the name says what they read.
    private static let reach = ["browse", "fetch", "follow", "load", "lookup", "open", "query", "resolve", "search"]
    /// Where a task's principal keeps what is theirs.
    private static let stores = [
        "attachment", "calendar", "chat", "contact", "database", "db", "directory", "doc", "document", "drive", "email",
        "file", "folder", "history", "inbox", "knowledge", "mail", "mailbox", "memory", "message", "note", "notebook",
        "row", "sql", "table", "transaction",
    ]
    /// Between the two things that a name says a tool does.
    private static let joins = ["and", "into", "n", "onto", "or", "plus", "then", "to", "via"]
    /// After a reading word they make it another: `check_out`.
    private static let doubtful = ["back", "off", "out", "up"]
}
