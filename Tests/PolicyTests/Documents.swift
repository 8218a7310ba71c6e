import Policy
import StrictJSON
import Testing

/// The document of the guide, which has every kind of rule.
let example = #"""
    { "version": 3, "mode": "enforce", "labels": ["untrusted", "private", "secret", "reviewed"],
      "approvers": [
        {"name": "user:cfo@acme.example", "key": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
        {"name": "user:coo@acme.example", "key": "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw"}],
      "rules": [
        {"id": "mail-rate", "match": "send_mail", "rate": {"calls": 10, "per": "1h", "for": "task"}},
        {"id": "spend", "match": "pay(usd: *)", "budget": {"unit": "usd", "cost": {"argument": "usd"}, "limit": "5.00",
          "per": "day", "for": "principal"}},
        {"id": "web", "match": "web_fetch; read_inbox", "labels": {"adds": ["untrusted"]}},
        {"id": "hr", "match": "read_file(path under '/data/hr')", "labels": {"adds": ["private"]}},
        {"id": "no-exfil", "match": "send_mail; web_post", "labels": {"refuses": ["untrusted & private"]}},
        {"id": "review", "match": "review(verdict == 'ok')", "labels": {"adds": ["reviewed"]}},
        {"id": "deploy", "match": "deploy", "labels": {"requires": ["reviewed"], "forbids": ["secret"]}},
        {"id": "big", "match": "pay(usd decimal >= '1000')",
          "approval": {"of": ["user:cfo@acme.example", "user:coo@acme.example"], "need": 1, "within": "15m"}},
        {"id": "astray", "anomaly": {"denials": 5, "per": "1m", "for": "agent"}, "then": "suspend"},
        {"id": "hands-off", "match": "delete_*", "hours": "Mon-Fri 08:00-18:00 Europe/Berlin", "then": "deny"},
        {"id": "never", "match": "github.*", "then": "deny", "mode": "observe"} ] }
    """#

/// A zone's file as the machine has it, or none.
func zones(_ name: String) -> [UInt8]? { name.isSame(as: "Europe/Berlin") ? berlin : nil }

func policy(_ text: String) throws -> PolicyDocument {
    try PolicyDocument(parsing: Array(text.utf8), zones: zones)
}

/// The errors of a document with one rule.
func errors(ofRule rule: String) -> [PolicyError] {
    errors(of: #"{"version":1,"labels":["a","b"],"rules":["# + rule + "]}")
}

func errors(of text: String) -> [PolicyError] {
    do throws(PolicyErrors) {
        _ = try PolicyDocument(parsing: Array(text.utf8), zones: zones)
        return []
    } catch { return error.all }
}

/// Europe/Berlin of tzdata in its slim form: one transition, and the rule that has held since 1996.
let berlin: [UInt8] = {
    func header(_ times: UInt8, _ types: UInt8) -> [UInt8] {
        Array("TZif2".utf8) + [UInt8](repeating: 0, count: 15) + [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
            + [0, 0, 0, times, 0, 0, 0, types, 0, 0, 0, 4]
    }
    let type: [UInt8] = [0, 0, 0x0E, 0x10, 0, 0]
    return header(0, 1) + type + Array("CET\0".utf8)
        + header(1, 1) + [0, 0, 0, 0, 0x30, 0x00, 0x00, 0x00] + [0] + type + Array("CET\0".utf8)
        + Array("\nCET-1CEST,M3.5.0,M10.5.0/3\n".utf8)
}()
