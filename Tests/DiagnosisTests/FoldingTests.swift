import Probes
import Testing
import Wire

@testable import Diagnosis

struct FoldingTests {
    let fullDisk = Answer.mounts([.of("/"), .of("/var", source: "/dev/loop0", size: 192, available: 0)])

    func verdict(_ answers: Answer...) throws -> Verdict {
        try Diagnostician(library: try shippedLibrary()).judge(answers + Answer.quietUnits, desk: .inTime)
    }

    @Test("a service that failed for want of space is folded under the full disk")
    func folded() throws {
        let verdict = try verdict(
            fullDisk, .failed("spooler.service"), .log([("spooler.service", "cannot write: No space left on device")]))
        #expect(verdict.causes.map(\.finding.id) == ["storage.full"])
        #expect(verdict.causes.first?.symptoms.map(\.id) == ["service.failed"])
        #expect(verdict.causes.first?.symptoms.first?.severity == .critical)
        #expect(verdict.causes.first?.symptoms.first?.explainedBy.first?.id == "storage.full")
        #expect(verdict.unknowns.isEmpty)
        #expect(verdict.exitCode == 2)
    }

    @Test("a service that failed for another reason stands beside the full disk")
    func unrelated() throws {
        let verdict = try verdict(
            fullDisk, .failed("another.service", "spooler.service"),
            .log([("spooler.service", "No space left on device"), ("another.service", "no such file")]))
        #expect(verdict.causes.map(\.finding.id) == ["storage.full", "service.failed"])
        #expect(verdict.causes[0].symptoms.map(\.subject) == [[NamedValue(name: "unit", value: .text("spooler.service"))]])
        #expect(verdict.causes[1].finding.subject == [NamedValue(name: "unit", value: .text("another.service"))])
    }

    @Test("a journal that was cut prevents folding and hides nothing")
    func cutLog() throws {
        let verdict = try verdict(
            fullDisk, .failed("spooler.service"), .log([("spooler.service", "No space left on device")], cut: 10))
        #expect(Set(verdict.causes.map(\.finding.id)) == ["storage.full", "service.failed"])
        #expect(verdict.causes.allSatisfy { $0.symptoms.isEmpty })
    }

    @Test("a cause with symptoms comes before one of the same severity without")
    func order() throws {
        let verdict = try verdict(
            fullDisk, .failed("a.service", "b.service"), .log([("b.service", "No space left on device")]))
        #expect(verdict.causes.map(\.finding.id) == ["storage.full", "service.failed"])
    }

    @Test("a remedy for a service that Rollcall never touches is offered with its refusal")
    func untouchable() throws {
        let verdict = try verdict(.failed("ssh.service", "cups.service"))
        let remedies = Dictionary(uniqueKeysWithValues: verdict.findings.map { ($0.subject.first?.value.text ?? "", $0.remedies) })
        #expect(remedies["ssh.service"]?.first?.refusal?.contains("never touches") == true)
        #expect(remedies["cups.service"]?.first?.refusal == nil)
        #expect(remedies["cups.service"]?.first?.wireParameters == [Parameter(name: "unit", value: "cups.service")])
    }
}
