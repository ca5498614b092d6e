import Recording

/// What a device sends to a terminal: nothing that a terminal would answer, run or keep comes through, however it is cut.
public func fuzzTerminal(_ bytes: [UInt8]) -> Bool {
    var whole = TerminalFilter()
    let shown = whole.take(bytes)
    let end = whole.finish()
    guard isHarmless(shown + end) else { return false }
    for size in [1, 2, 3, 7] {
        var cut = TerminalFilter()
        var pieces: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: size) { pieces += cut.take(Array(bytes[start..<min(start + size, bytes.count)])) }
        guard pieces == shown, cut.finish() == end else { return false }
    }
    // What came through once comes through again, as it is.
    var again = TerminalFilter()
    return again.take(shown) == shown
}

/// A reading of ECMA-48 of its own: every sequence is of a kind that only shows.
private func isHarmless(_ bytes: [UInt8]) -> Bool {
    guard let text = String(validating: bytes, as: UTF8.self) else { return false }
    var scalars = text.unicodeScalars[...]
    while let scalar = scalars.popFirst() {
        if scalar.value == 0x1B {
            guard let kind = scalars.popFirst() else { return false }
            switch kind {
            case "7", "8", "D", "E", "H", "M", "=", ">": continue
            case "(", ")": guard let set = scalars.popFirst(), "0AB".unicodeScalars.contains(set) else { return false }
            case "[":
                var parameters = ""
                var final: Unicode.Scalar?
                while final == nil, let next = scalars.popFirst() {
                    guard 0x20..<0x7F ~= next.value else { return false }
                    if next.value >= 0x40 { final = next } else { parameters.unicodeScalars.append(next) }
                }
                guard let final, isHarmless(parameters, final) else { return false }
            default: return false
            }
        } else if scalar.value < 0x20 {
            guard 7...15 ~= scalar.value else { return false }
        } else if 0x7F...0x9F ~= scalar.value {
            return false
        }
    }
    return true
}

private func isHarmless(_ parameters: String, _ final: Unicode.Scalar) -> Bool {
    switch final {
    case "h", "l":
        if parameters == "4" { return true }
        let modes = ["1", "6", "7", "12", "25", "47", "1047", "1048", "1049", "2004"]
        // A number may be written with zeros before it.
        return parameters.first == "?"
            && parameters.dropFirst().split(separator: ";", omittingEmptySubsequences: false).allSatisfy { part in
                modes.contains { Int($0) == Int(part) }
            }
    case "p": return parameters == "!"
    case "q": return parameters.last == " " && parameters.dropLast().allSatisfy { $0.isNumber }
    case "m": return parameters.allSatisfy { $0.isNumber || $0 == ";" || $0 == ":" }
    case "s", "u": return parameters.isEmpty
    case "T": return parameters.allSatisfy { $0.isNumber }
    default:
        return "ABCDEFGHIJKLMPSXZ@`abdefgr".unicodeScalars.contains(final) && parameters.allSatisfy { $0.isNumber || $0 == ";" }
    }
}

/// A file that says it is a recording; what could be read can be shown and searched.
public func fuzzCast(_ bytes: [UInt8]) -> Bool {
    guard let cast = try? Cast(decoding: bytes) else { return true }
    let transcript = Transcript(cast)
    guard cast.events.indices.dropFirst().allSatisfy({ cast.events[$0].time >= cast.events[$0 - 1].time }) else { return false }
    return cast.output.count <= bytes.count * 3
        && transcript.lines.allSatisfy { line in line.text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F ~= $0.value) } }
}
