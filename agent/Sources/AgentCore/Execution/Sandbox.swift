internal import Catalogue
internal import Wire

/// What this kernel can confine a probe by, and what the owner wants of it.
struct Sandbox {
    /// Which of Landlock and seccomp the kernel has.
    let offered: Done.Measures
    /// Whether a probe is refused where one of them is missing (`require-sandbox`).
    var isRequired: Bool
    /// The agent's own directory.
    let state: [UInt8]

    /// What every probe has where the sandbox is required; a child without one of them ends before it does anything.
    static let required: Done.Measures = [.isolatedProcess, .noNewPrivileges, .resourceLimits, .landlock, .systemCalls]

    /// Adds to a child's limits what its manifest says, and what it does not say is closed.
    func apply(to limits: inout ChildLimits, _ definition: ProbeDefinition) throws(Refusal) {
        if isRequired {
            try check(.landlock, "Landlock")
            try check(.systemCalls, "seccomp")
            limits.required = Self.required
        }
        limits.sandbox = offered
        limits.mayUseNetwork = definition.mayUseNetwork
        limits.mayUseLocalSockets = definition.mayUseLocalSockets
        limits.writable = definition.writable
        limits.hidden = state
    }

    private func check(_ measure: Done.Measures, _ name: Text) throws(Refusal) {
        if offered.contains(measure) { return }
        throw Refusal(
            .sandbox, "This device runs no probe unlimited (require-sandbox in its agent.conf), and its kernel lacks " + name + ".")
    }
}
