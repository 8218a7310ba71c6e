import AgentID
import ArgumentParser
import StrictJSON

struct Leases: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the secrets that the broker holds for agents, oldest first; never the secrets.")
    @OptionGroup var options: AuthorityOptions
    @OptionGroup var output: Output

    func run() throws {
        let leases = try options.open(onlyToRead: true).brokerLeases()
        if output.json { return Console.data(.array(leases)) }
        if leases.isEmpty { Console.message("no secret is held") }
        for lease in try leases.map({ try $0.read() }) {
            let text = { (name: String) in PrintableText(lease[name]?.string ?? "") }
            let agent = AgentName.short(lease["agent"]?.string ?? "")
            Console.data(
                "\(text("id"))  \(text("state"))  \(text("resource")) from \(text("provider")) for \(agent), expires "
                    + "\(Console.time(lease["expires"]?.int ?? 0))")
            if let error = lease["error"]?.string {
                let attempts = Console.count(lease["attempts"]?.int ?? 0, "attempt")
                Console.data(
                    "   " + Console.coloured("not returned after \(attempts): \(error)", .red))
            }
        }
    }
}
