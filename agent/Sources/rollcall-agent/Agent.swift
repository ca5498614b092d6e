internal import AgentCore

/// The agent on a device; `AgentCore` knows which part to be.
@main
struct Agent {
    static func main() {
        AgentProgram.exit(AgentProgram().main())
    }
}
