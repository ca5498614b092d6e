internal import CLinux
internal import Wire

/// What a shell is started with.
struct ShellPlan {
    /// User and groups it changes to; nil where it stays what the agent is.
    var identity: UserIdentity?
    /// Whether no program of it gets more rights than it has, such as by a set-uid bit.
    var gainsNothing: Bool
    /// Its path, home, name, the terminal's type, and the user twice; each ended by a NUL.
    var strings: [UInt8]
}

/// Terminals, and the shells on them.
extension Kernel {
    /// Makes a terminal; the descriptor is its keyboard and screen.
    func openTerminal(columns: UInt64, rows: UInt64) throws(Errno) -> Descriptor {
        try check(.open)
        return try descriptor(rc_open_terminal(UInt32(UInt16(clamping: columns)), UInt32(UInt16(clamping: rows))))
    }

    /// Tells what runs on a terminal that its window is another size now.
    func resize(_ terminal: Descriptor, columns: UInt64, rows: UInt64) {
        rc_resize_terminal(terminal.number, UInt32(UInt16(clamping: columns)), UInt32(UInt16(clamping: rows)))
    }

    /// Whether a program of the shell has the terminal, and not the shell itself.
    func isOccupied(_ terminal: Descriptor, by shell: Int32) -> Bool {
        let group = rc_foreground(terminal.number)
        return group > 0 && group != shell
    }

    /// Sends a signal to what has the terminal.
    func signal(_ terminal: Descriptor, _ number: UInt64, session: Int32) {
        _ = rc_signal_foreground(terminal.number, session, Int32(clamping: number))
    }

    /// Starts a login shell on a terminal, in a session of its own. What keeps it from starting, it says on the terminal.
    func startShell(_ plan: ShellPlan, on terminal: Descriptor, in scope: ShellScope?) throws(Errno) -> Int32 {
        try check(.fork)
        var shell = rc_shell()
        shell.terminal = terminal.number
        shell.scope = scope?.processes.number ?? -1
        let groups = plan.identity?.groups ?? []
        if let identity = plan.identity {
            shell.changes_user = 1
            shell.uid = identity.user
            shell.gid = identity.group
            shell.group_count = UInt32(groups.count)
        }
        shell.gains_nothing = plan.gainsNothing ? 1 : 0
        let pid = rc_start_shell(&shell, groups, plan.strings)
        try success(pid)
        return pid
    }

    /// Path of a process's control group (cgroups(7), version 2); empty where there is none.
    fileprivate func controlGroup(of process: Text) -> [UInt8] {
        let file: Text = "/proc/" + process + "/cgroup"
        let prefix: Text = "0::"
        for line in ((try? content(of: file.bytes, limit: 65_536)) ?? []).split(separator: 10) where line.starts(with: prefix.bytes) {
            return Array(line.dropFirst(3))
        }
        return []
    }
}

/// A control group of one shell, with which all of it can be ended, whatever it has become.
struct ShellScope {
    /// Path within the hierarchy, and that of its directory.
    private let group: [UInt8]
    private let path: [UInt8]
    /// Where a process writes itself to.
    let processes: Descriptor
    /// Where a 1 is written to end all.
    private let end: Descriptor

    /// Makes one beneath this process's own; nil where the device has none, does not let this process, or cannot end one (before Linux 5.14).
    ///
    /// - Parameter name: One that no other begins with.
    init?(_ kernel: Kernel, name: Text) {
        let (process, slash): (Text, Text) = ("self", "/")
        let own = kernel.controlGroup(of: process)
        if own.isEmpty { return nil }
        group = (own == slash.bytes ? [] : own) + slash.bytes + name.bytes
        let tops: [Text] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"]
        for top in tops {
            let path = top.bytes + group
            guard (try? kernel.makeDirectory(path)) != nil else { continue }
            // In another file system this is a folder like any other, without files.
            if let processes = try? kernel.open(path + Text("/cgroup.procs").bytes, .write),
                let end = try? kernel.open(path + Text("/cgroup.kill").bytes, .write)
            {
                (self.path, self.processes, self.end) = (path, processes, end)
                return
            }
            _ = kernel.removeDirectory(path)
        }
        return nil
    }

    /// Whether a process belongs to it.
    func holds(_ pid: Int32, _ kernel: Kernel) -> Bool { kernel.controlGroup(of: .decimal(UInt64(pid.magnitude))).starts(with: group) }

    /// Ends everything in it with SIGKILL.
    func kill(_ kernel: Kernel) { try? kernel.writeAll(end, [49]) }

    /// Takes it away; false while something in it is alive.
    func remove(_ kernel: Kernel) -> Bool { kernel.removeDirectory(path) }
}
