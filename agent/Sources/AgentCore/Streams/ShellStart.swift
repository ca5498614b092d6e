internal import Catalogue
internal import Wire

/// How a shell comes to life.
extension StreamTable {
    /// Whether `name` is a terminal's type, as TERM has it.
    static func isTerminalType(_ name: [UInt8]) -> Bool {
        let others: Text = "+-._"
        return (1...32).contains(name.count)
            && name.allSatisfy { 48...57 ~= $0 || 65...90 ~= $0 || 97...122 ~= $0 || others.bytes.contains($0) }
    }

    /// Opens a shell that was checked and is on record.
    ///
    /// - Parameter name: Of the user, as agent.conf says it; nil where it says nothing.
    func startShell(_ open: OpenStream, user name: Text?, session: Session) throws(Refusal) {
        try checkRoom()
        let plan = try plan(open, user: name ?? Settings.usualShellUser)
        let scope = ShellScope(kernel, name: .decimal(kernel.monotonic) + "-rollcall-shell")
        do throws(Errno) {
            let terminal = try kernel.openTerminal(columns: open.size, rows: open.offset)
            let pid = try kernel.startShell(plan, on: terminal, in: scope)
            let stream = FileStream(open, session: session, pid: pid, sink: terminal, source: terminal, status: nil, kernel)
            stream.scope = scope
            executor.shells.append(stream)
            add(stream)
            begin(stream, FileReport())
        } catch {
            _ = scope?.remove(kernel)
            throw Refusal(.shell, "The device cannot start a shell (errno " + .decimal(UInt64(error.rawValue.magnitude)) + ").")
        }
    }

    private func plan(_ open: OpenStream, user: Text) throws(Refusal) -> ShellPlan {
        let isUsual = user == Settings.usualShellUser
        guard let account = users.account(user, groups: isUsual ? Settings.logReaders : []) else {
            throw Refusal(.unknownUser, "Shells run as the user " + user + " (shell-user in agent.conf), whom this device does not have.")
        }
        if !kernel.mayChangeUser, account.identity.user != kernel.effectiveUser {
            throw Refusal(.needsRoot, "Shells run as the user " + user + ", and this agent cannot change to it; start it as root.")
        }
        var strings: [UInt8] = []
        for part in [account.shell, account.home, FilePath.parts(account.shell).name, open.target.bytes, user.bytes, user.bytes] {
            strings += part + [0]
        }
        return ShellPlan(identity: kernel.mayChangeUser ? account.identity : nil, gainsNothing: isUsual, strings: strings)
    }
}
