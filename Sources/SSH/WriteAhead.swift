/// How many bytes may be on their way to a command that has not taken them.
///
/// A server's window says what it will keep, not what is good for it: OpenSSH's sshd copies all that waits for a command each time that more
/// comes, and for its 2 MiB that takes a tenth of a second in which nothing else goes on. So little is sent ahead as long as room is made soon.
/// Where it is not, the way is long, or the server makes room late: then more is sent ahead, up to the window.
struct WriteAhead {
    /// How long a server that is near needs to make room.
    static let patience: Duration = .milliseconds(5)

    private(set) var limitInBytes = 256 * 1024

    /// Room was not made in time.
    mutating func extend() {
        limitInBytes = min(limitInBytes * 2, 1 << 30)
    }
}
