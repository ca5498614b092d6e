import AgentCore
import Wire

/// agent.conf: what it yields is within its bounds, the same lines without blanks and comments yield the same, and a refusal names a line
/// that there is.
public func fuzzAgentConfiguration(_ bytes: [UInt8]) -> Bool {
    let file = ConfigurationFile(content: bytes)
    do throws(Refusal) {
        let configuration = try Configuration(file)
        guard (1...64).contains(configuration.sessionCountLimit), (65_536...67_108_864).contains(configuration.ledgerSizeLimit) else {
            return false
        }
        return (try? Configuration(ConfigurationFile(content: plain(file)))) == configuration
    } catch {
        return names(error, aLineOf: bytes)
    }
}

/// owner.conf: the same.
public func fuzzOwnerConfiguration(_ bytes: [UInt8]) -> Bool {
    let file = ConfigurationFile(content: bytes)
    do throws(Refusal) {
        _ = try OwnerPolicy(file)
        return (try? OwnerPolicy(ConfigurationFile(content: plain(file)))) != nil
    } catch {
        return names(error, aLineOf: bytes)
    }
}

/// The file again, each setting on a line of its own with one space.
private func plain(_ file: ConfigurationFile) -> [UInt8] {
    Array(file.lines.map { $0.words.joined(separator: [32]) }.joined(separator: [10]))
}

private func names(_ refusal: Refusal, aLineOf bytes: [UInt8]) -> Bool {
    let words = refusal.sentence.string.split(separator: " ")
    guard words.count > 2, words[0] == "Line", let number = Int(words[1]) else { return false }
    let isShowable = refusal.sentence == refusal.sentence.sentence(limit: RollcallProtocol.sentenceSizeLimit)
    return isShowable && (1...bytes.split(separator: 10, omittingEmptySubsequences: false).count).contains(number)
}
