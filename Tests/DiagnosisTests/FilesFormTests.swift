import Foundation
import Probes
import Testing
import Wire

@testable import Diagnosis

/// Rows of a probe that reads files.
private func rows(_ read: String, _ parse: String, _ facts: String, _ files: [FileRow]) throws -> FactListing {
    let text = """
        id: test.one
        title: A test
        impact: observe
        read: {files: [\(read)]}
        parse: \(parse)
        facts: \(facts)
        """
    let manifest = try library(text).manifests[0]
    let answer = Answer(probe: "test.one", ending: .done(Done(request: 1, ending: .exited)), output: files.flatMap(\.encoded))
    return try #require(FactListing(answer, manifest: manifest))
}

private func file(_ path: String, _ content: String = "", status: UInt64 = 0) -> FileRow {
    FileRow(path: Array(path.utf8), status: status, content: Array(content.utf8))
}

private func mistakes(_ lines: String...) -> [String] {
    let text = (["id: test.one", "title: A test", "impact: observe"] + lines).joined(separator: "\n")
    do throws(ProbesError) {
        _ = try ManifestLibrary(texts: [("a.yaml", Array(text.utf8))], check: Diagnostician.ruleCheck)
        return []
    } catch { return error.problems.map(\.message) }
}

struct FilesFormTests {
    private static let links = "{each: '^/sys/class/net/(?<name>[^/]+)/'}"
    private static let linkFacts =
        "{name: text, speed: {type: int, from: {file: speed}}, up: {type: int, from: {file: flags, match: '^0x(1)'}}, lines: {type: int, from: {file: flags, count: '0'}}}"

    @Test("each makes a row of the files below one path, whatever their order")
    func each() throws {
        let listing = try rows(
            "/sys/class/net/*/speed, /sys/class/net/*/flags", Self.links, Self.linkFacts,
            [
                file("/sys/class/net/eth0/speed", "1000\n"), file("/sys/class/net/lo/speed", status: 22), file("/elsewhere/speed", "5"),
                file("/sys/class/net/eth0/flags", "0x1003\n"), file("/sys/class/net/lo/flags", "0x9\n"),
            ])
        #expect(listing.values == [[.text("eth0"), .int(1_000), .int(1), .int(3)], [.text("lo"), .null, .null, .int(1)]])
        #expect(listing.obstacle == nil)
        let none = try rows("/sys/class/net/*/speed", Self.links, Self.linkFacts, [file("/sys/class/net/eth0/speed", status: 2)])
        #expect(none.obstacle == "the device does not have the files it reads")
    }

    @Test("lines, pairs and columns read every file in turn, and path says which")
    func byLines() throws {
        let lines = try rows(
            "/a, /b", "{lines: {match: '(?<k>\\w+) (?<v>\\d+)', skip: ''}}", "{path: text, k: text, v: int}",
            [file("/a", "x 1\n# no\ny 2\n"), file("/b", "z 3"), file("/c", status: 2)])
        #expect(lines.values == [["/a", "x", 1], ["/a", "y", 2], ["/b", "z", 3]].map(Self.row))
        #expect(lines.obstacle == nil)
        let pairs = try rows(
            "/a", "{pairs: {separator: '='}}", "{path: text, k: text}", [file("/a", "k=1\nj=2\n"), file("/b", "k=3\n")])
        #expect(pairs.values == [["/a", "1"], ["/b", "3"]].map(Self.row))
        let columns = try rows(
            "/a", "{columns: {skip: 1}}", "{path: text, n: {type: int, from: 2}}", [file("/a", "H H\na 1\n"), file("/b", "H\nb 2\n")])
        #expect(columns.values == [["/a", 1], ["/b", 2]].map(Self.row))
    }

    private static func row(_ values: [Any]) -> [FactValue] {
        values.map { value in (value as? String).map { .text($0) } ?? (value as? Int).map { .int(Int64($0)) } ?? .null }
    }

    @Test("a file that could not be read makes the answer incomplete; none there is nothing to read")
    func unreadable() throws {
        let parse = "{lines: {match: '(?<k>.*)'}}"
        #expect(try rows("/a", parse, "{k: text}", [file("/a", "x"), file("/b", status: 13)]).obstacle == "could not read /b (errno 13)")
        #expect(
            try rows("/a", parse, "{k: text}", [file("/a", status: 2)]).obstacle == "the device does not have the files it reads")
    }

    @Test("lint says which forms read files, and which a program's output")
    func lint() {
        #expect(
            mistakes("read: {files: [/a]}", "parse: {json: {at: [a]}}", "facts: {a: int}").contains { $0.hasPrefix("Files are read by") })
        #expect(mistakes("run: [/bin/a]", "parse: {each: '^/x'}", "facts: {a: int}").contains { $0.hasPrefix("Only files") })
        #expect(mistakes("run: [/bin/a]", "parse: record", "facts: {a: {type: int, from: {file: x}}}").count == 1)
        #expect(
            mistakes("read: {files: [/a]}", "parse: {certificates: {}}", "facts: {subjekt: text}").contains {
                $0.contains("no fact subjekt")
            })
        #expect(mistakes("read: {files: [/a]}", "parse: {certificates: {}}", "facts: {subject: text, not_after: int}") == [])
    }
}

struct CertificateTests {
    private static let pem = """
        some text before
        -----BEGIN CERTIFICATE-----
        MIIBaDCCAQ6gAwIBAgIBBTAKBggqhkjOPQQDAjATMREwDwYDVQQKDAhPbmx5IE9y
        ZzAeFw0yNjExMjQxNDA3NDFaFw0yNzEyMjkxNDA3NDFaMBMxETAPBgNVBAoMCE9u
        bHkgT3JnMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEiGvIvQj5nkby3lN8On9s
        snwPxadGi0zmWKJSR66i6+QV1jvR3s3hOQcJZOPjcpDeQSMlDUXjAD/H3CXGLC4+
        ZKNTMFEwHQYDVR0OBBYEFHNERR0ctk5dsfmOplwiHrh5y8ZvMB8GA1UdIwQYMBaA
        FHNERR0ctk5dsfmOplwiHrh5y8ZvMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0E
        AwIDSAAwRQIhANhME4O2IkoHm+5Qms/c5VJqsq6eC6ra34MBYGV/PzZHAiAjnakn
        0HbAqalGKYd5rwoYO9lTP+sUWhmw/YJq89MItQ==
        -----END CERTIFICATE-----

        """
    private static let facts = "{path: text, subject: text, issuer: text, not_before: int, not_after: int, is_authority: int}"

    @Test("a certificate states its names, its times and whether it is an authority, from PEM and DER")
    func read() throws {
        let der = try #require(Certificate.encodings(in: Array(Self.pem.utf8)).first ?? nil)
        for content in [Array((Self.pem + Self.pem).utf8), der] {
            let files = [FileRow(path: Array("/etc/x.pem".utf8), status: 0, content: content)]
            let listing = try rows("/etc/x.pem", "{certificates: {}}", Self.facts, files)
            #expect(listing.obstacle == nil)
            #expect(listing.values.count == (content == der ? 1 : 2))
            // openssl x509 -dates: Nov 24 14:07:41 2026 GMT to Dec 29 14:07:41 2027 GMT.
            #expect(
                listing.values.first
                    == [.text("/etc/x.pem"), .text("Only Org"), .text("Only Org"), .int(1_795_529_261), .int(1_830_089_261), .int(1)])
        }
        let broken = try rows("/a", "{certificates: {}}", Self.facts, [file("/a", Self.pem.replacing("MIIBaD", with: "MIIBbD"))])
        #expect(broken.values.isEmpty && broken.obstacle == "gave a certificate that cannot be read: /a")
        #expect(try rows("/a", "{certificates: {}}", Self.facts, [file("/a", "no certificate\n")]).values.isEmpty)
    }

    @Test("a symbolic link among certificates is passed over, one that is closed is not", arguments: [(40, true), (21, true), (13, false)])
    func links(status: UInt64, isPassedOver: Bool) throws {
        let listing = try rows(
            "/etc/*.pem", "{certificates: {}}", Self.facts, [file("/etc/x.pem", Self.pem), file("/etc/y.pem", status: status)])
        #expect(listing.values.count == 1)
        #expect(listing.obstacle == (isPassedOver ? nil : "could not read /etc/y.pem (errno 13)"))
    }

    @Test("a certificate that was cut or changed anywhere is read or refused, and nothing else")
    func mutations() throws {
        let der = try #require(Certificate.encodings(in: Array(Self.pem.utf8)).first ?? nil)
        for length in 0..<der.count { #expect(Certificate(der: der[..<length]) == nil) }
        for place in der.indices {
            for value in [0, 0x7F, 0x80, 0x84, 0xFF, der[place] ^ 1] {
                var changed = der
                changed[place] = value
                _ = Certificate(der: changed[...])
            }
        }
    }
}

struct DeskFactsTests {
    private static let trending = """
        id: test.one
        title: A test
        impact: observe
        run: [/bin/true]
        parse: {pairs: {separator: "="}}
        facts: {a: int}
        findings:
          - id: test.leak
            select: SELECT metric, slope_per_hour, hours FROM trends WHERE metric = 'memory.available' AND slope_per_hour < -50
            severity: warning
            customer: Memory runs out.
            engineer: "{slope_per_hour} an hour for {hours} h"
            visit: {advice: advised, parts: [RAM], skill: electrician}
          - id: test.clock
            select: SELECT device_time - time AS ahead FROM test_one, context WHERE abs(device_time - time) > 60
            severity: warning
            customer: The clock is wrong.
            engineer: "{ahead} s ahead"
        """

    @Test("rules read what the desk knows; what it does not know is neither found nor unknown")
    func tables() throws {
        let judge = try Diagnostician(library: library(Self.trending))
        let answer = Answer.text("test.one", "a=1\n")
        var desk = DeskFacts()
        #expect(try judge.judge([answer], desk: desk).judged == [])
        #expect(try judge.judge([answer], desk: desk).unknowns == [])
        (desk.time, desk.deviceTime) = (1_000, 2_000)
        desk.trends = [.init(metric: "memory.available", key: "", hours: [-2, -1, 0], values: [300.5, 200.25, 100])]
        let verdict = try judge.judge([answer], desk: desk)
        #expect(verdict.causes.map(\.finding.engineer) == ["1000 s ahead", "-100.25 an hour for 2 h"])
        #expect(verdict.causes.last?.finding.parts == ["RAM"] && verdict.causes.last?.finding.skill == "electrician")
        desk.trends = [.init(metric: "memory.available", key: "", hours: [0], values: [100])]
        #expect(try judge.judge([answer], desk: desk).causes.map(\.finding.id) == ["test.clock"])
        let coded = try JSONDecoder().decode(Verdict.self, from: JSONEncoder().encode(verdict))
        #expect(coded.causes.map(\.finding.parts) == [[], ["RAM"]])
        let older = String(decoding: try JSONEncoder().encode(verdict), as: UTF8.self).replacing("\"parts\":", with: "\"unknown\":")
        #expect(try JSONDecoder().decode(Verdict.self, from: Data(older.utf8)).causes.last?.finding.parts == [])
    }

    @Test("a probe may not take the name of a desk's table")
    func reserved() {
        let text = Self.trending.replacing("id: test.one", with: "id: trends")
        #expect(throws: ProbesError.self) { _ = try library(text) }
    }
}
