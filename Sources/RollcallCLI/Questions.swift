internal import Diagnosis
internal import Foundation
internal import SSH

/// What a person is asked for while somebody is logged in: passphrases, passwords, and whatever else a device wants to know.
enum Questions {
    /// Asks for the passphrase of a key file; nil where nobody can be asked, or nothing was said.
    @Sendable static func passphrase(of path: String) -> Secret? {
        Terminal.current.secret("Passphrase of \(displayed(path)): ")
    }

    /// What stands in for a key at first enrolment: the password in a file's first line, or a person's answers; nothing where nobody can be
    /// asked. Questions come first, as many devices ask for a password that way only.
    static func passwords(file: String?) throws(CommandFailure) -> [Identity] {
        if let file {
            let secret = try firstLine(ofFile: file)
            return [.keyboardInteractive { answer($0, with: secret) }, .password(secret)]
        }
        guard Terminal.current.canAsk else { return [] }
        return [.keyboardInteractive { ask($0) }, .password { Terminal.current.secret("Password of root: ") }]
    }

    /// A password is the answer to one question that is not to be seen, and to no other.
    private static func answer(_ challenge: KeyboardChallenge, with secret: Secret) -> [Secret]? {
        if challenge.prompts.isEmpty { return [] }
        return challenge.prompts.count == 1 && !challenge.prompts[0].isEchoed ? [secret] : nil
    }

    private static func ask(_ challenge: KeyboardChallenge) -> [Secret]? {
        let terminal = Terminal.current
        for text in [challenge.name, challenge.instruction] where !text.isEmpty { terminal.complain("The device says: " + displayed(text)) }
        var answers: [Secret] = []
        for prompt in challenge.prompts {
            guard let secret = terminal.secret("The device asks: " + displayed(prompt.text), isEchoed: prompt.isEchoed) else { return nil }
            answers.append(secret)
        }
        return answers
    }

    private static func firstLine(ofFile path: String) throws(CommandFailure) -> Secret {
        var bytes = [UInt8](try readFile(path))
        var line = Array(bytes.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") })
        for index in bytes.indices { bytes[index] = 0 }
        guard !line.isEmpty else {
            throw CommandFailure(
                .badData, kind: "password-file", "The first line of \(displayed(path)) is empty.", next: "Write the password there.")
        }
        return Secret(wiping: &line)
    }
}
