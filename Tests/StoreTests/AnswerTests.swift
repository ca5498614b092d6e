import Foundation
import Testing

@testable import Store

@Suite struct AnswerTests {
    private let scratch: ScratchStore
    init() throws { scratch = try ScratchStore() }

    @Test("of each device the last answers are kept, and the last good ones")
    func answers() throws {
        let store = try scratch.open()
        let device = try store.device(named: "kiosk-1", site: "s", model: "m")
        let verdict = try store.recordVerdict(device: device.id, exitCode: 0, severity: "ok", json: "{}")
        try store.keepAnswers([1], of: verdict, isGood: true)
        let worse = try store.recordVerdict(device: device.id, exitCode: 2, severity: "critical", json: "{}")
        try store.keepAnswers([2], of: worse, isGood: false)
        #expect(try store.answers(.last, device: device.id)?.encoded == [2])
        #expect(try store.answers(.good, device: device.id) == AnswerRecord(device: device.id, takenAt: verdict.takenAt, encoded: [1]))
        let other = try store.device(named: "kiosk-2", site: "s", model: "m")
        // One that is not well any more is nobody's measure.
        #expect(try store.answersOfLike(device: other, limit: 9) == [])
        let well = try store.recordVerdict(device: device.id, exitCode: 0, severity: "ok", json: "{}")
        try store.keepAnswers([3], of: well, isGood: true)
        #expect(try store.answersOfLike(device: other, limit: 9).map(\.encoded) == [[3]])
        #expect(try store.answersOfLike(device: device, limit: 9) == [])
        let elsewhere = try store.device(named: "kiosk-3", site: "t", model: "m")
        #expect(try store.answersOfLike(device: elsewhere, limit: 9) == [])
    }

    @Test("what is expected of a model is replaced as a whole, and forgotten by nothing")
    func expectations() throws {
        let store = try scratch.open()
        let (cups, port) = (
            ExpectationRecord(kind: "services", item: ["cups.service"]), ExpectationRecord(kind: "ports", item: ["tcp", "631"])
        )
        try store.setExpectations([cups, port, cups], model: "m")
        #expect(try store.expectations(model: "m") == [port, cups])
        try store.setExpectations([port], model: "m")
        #expect(try store.expectations(model: "m") == [port])
        #expect(try store.expectations(model: "n") == [])
        try store.setExpectations([], model: "m")
        #expect(try store.expectations(model: "m") == [])
    }
}

extension RollcallDatabase {
    fileprivate func device(named name: String, site: String, model: String) throws -> Device {
        try addDevice(name: name, address: .init(host: name), labels: .init(site: site, model: model), hostKeys: [], operator: "alice")
    }
}
