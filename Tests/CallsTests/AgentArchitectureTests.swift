import Fleet
import Testing

@Suite struct AgentArchitectureTests {
    @Test(
        "the word uname has for a machine leads to the agent that agent/build makes for it",
        arguments: [
            ("x86_64", "x86_64"), ("aarch64", "aarch64"), ("armv7l", "armv7"), ("armv8l", "armv7"), ("armv6l", nil), ("i686", nil),
            ("riscv64", nil), ("", nil), ("../x86_64", nil),
        ])
    func names(_ machine: String, _ agent: String?) {
        #expect(Installation.agentArchitecture(ofMachine: machine) == agent)
    }
}
