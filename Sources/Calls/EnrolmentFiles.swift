internal import Foundation

/// What a device's own files become by an enrolment: this desk's lines in place of its earlier ones, and those of others as they were.
enum EnrolmentFiles {
    /// sshd's file of keys. A line goes where its key or its operator's name comes anew.
    ///
    /// - Parameters:
    ///   - existing: What the device has; goes back to it alone.
    ///   - entries: Public keys in OpenSSH's form, with the name and role each stands for.
    static func keys(existing: String, entries: [(name: String, role: String, key: String)]) -> String {
        let replaced = entries.flatMap { [" --operator \($0.name) ", $0.key] }
        let kept = lines(existing).filter { line in !replaced.contains { line.contains($0) } }
        let new = entries.map { entry in
            "restrict,command=\"/usr/bin/rollcall-agent serve --operator \(entry.name) --role \(entry.role)\" \(entry.key)"
        }
        return (kept + new).map { $0 + "\n" }.joined()
    }

    /// The desks whose ledgers the device witnesses; a line goes where its origin comes anew.
    static func desks(existing: String, verifierKey: String) -> String {
        let origin = verifierKey.prefix { $0 != "+" } + "+"
        return (lines(existing).filter { !$0.hasPrefix(origin) } + [verifierKey]).map { $0 + "\n" }.joined()
    }

    private static func lines(_ text: String) -> [String] { text.split(whereSeparator: \.isNewline).map(String.init) }
}
