internal import AgentCore
internal import Wire

/// Runs the golden vectors and a recorded device on the code that agent/build makes for devices, on every architecture.
///
/// For tests only: `embedded-vectors TESTS`, where TESTS is the folder Tests of the checkout. It says a line for each subject and exits
/// with 1 where anything did not hold.
@main
struct EmbeddedVectors {
    static func main() {
        let kernel = Kernel()
        let findings = Findings(kernel: kernel)
        guard let tests = argument(kernel), let scratch = scratch(kernel) else {
            findings.say("usage: embedded-vectors TESTS, with /proc and a /tmp that can be written to")
            kernel.exit(64)
        }
        let (vectors, tree): (Text, Text) = ("/Vectors", "/EmbeddedVectors/Tree")
        Vectors(kernel: kernel, findings: findings, folder: tests + vectors.bytes).checkAll()
        Copies(findings: findings).checkAll()
        Hashes(findings: findings).checkAll()
        Huge(kernel: kernel, findings: findings).checkAll()
        Devices(kernel: kernel, findings: findings, tree: tests + tree.bytes, scratch: scratch).checkAll()
        findings.say(
            kernel.architecture + ", Int of " + .decimal(UInt64(Int.bitWidth)) + " bits: " + .decimal(findings.mismatchCount)
                + " mismatches")
        kernel.exit(findings.mismatchCount == 0 ? 0 : 1)
    }

    /// The one argument, from /proc.
    private static func argument(_ kernel: Kernel) -> [UInt8]? {
        let path: Text = "/proc/self/cmdline"
        guard let line = try? kernel.content(of: path.bytes, limit: 65_536) else { return nil }
        let arguments = line.split(separator: 0)
        return arguments.count == 2 ? Array(arguments[1]) : nil
    }

    /// A directory of its own; whoever runs this sets TMPDIR and removes it.
    private static func scratch(_ kernel: Kernel) -> [UInt8]? {
        let (name, tail): (Text, Text) = ("TMPDIR", "/embedded-vectors.")
        let parent: Text = "/tmp"
        let path = (kernel.environment(name) ?? parent.bytes) + tail.bytes + Text.decimal(kernel.monotonic).bytes
        return (try? kernel.makeDirectory(path)) == nil ? nil : path
    }
}
