import Testing

/// One after another: each has an sshd of its own, and some count what is alive in the process.
@Suite("SSH with a real sshd", .serialized)
enum ServerTests {}
