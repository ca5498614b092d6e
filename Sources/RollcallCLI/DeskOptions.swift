internal import ArgumentParser
internal import Calls
internal import Catalogue
internal import Diagnosis
internal import Fleet
internal import Foundation
internal import Probes
internal import SSH
internal import Store

/// Options that every command takes.
struct DeskOptions: ParsableArguments {
    @Flag(help: "Print one JSON document instead of text for people.")
    var json = false

    @Option(help: ArgumentHelp("The store's folder (ROLLCALL_DATA).", valueName: "folder"))
    var data: String?

    @Option(name: .customLong("operator"), help: ArgumentHelp("Who is at the desk (ROLLCALL_OPERATOR).", valueName: "name"))
    var operatorName: String?

    @Option(help: ArgumentHelp("Private key to log in with (ROLLCALL_IDENTITY).", valueName: "file"))
    var identity: String?

    @Option(
        name: .customLong("ssh-config"),
        help: ArgumentHelp("Read this instead of ~/.ssh/config (ROLLCALL_SSH_CONFIG).", valueName: "file"))
    var sshConfiguration: String?

    @Option(help: ArgumentHelp("Folder of the signed catalogue (ROLLCALL_CATALOGUE).", valueName: "folder"))
    var catalogue: String?

    @Option(help: ArgumentHelp("Language of what is said to customers, such as de (ROLLCALL_LANGUAGE).", valueName: "code"))
    var language: String?

    /// The configuration with the flags on top.
    func configuration() throws(CommandFailure) -> Configuration {
        var configuration = try Configuration.load()
        if let data {
            if catalogue == nil, configuration.catalogue == configuration.data + "/catalogue" {
                configuration.catalogue = data + "/catalogue"
            }
            configuration.data = data
        }
        if let operatorName { configuration.operatorName = operatorName }
        if let identity { configuration.identity = identity }
        if let sshConfiguration { configuration.sshConfiguration = sshConfiguration }
        if let path = configuration.sshConfiguration, !FileManager.default.isReadableFile(atPath: path) {
            throw CommandFailure(
                .notFound, kind: "ssh-config", "The OpenSSH client configuration \(displayed(path)) cannot be read.",
                next: "Check the path, or leave it out to use ~/.ssh/config.")
        }
        if let catalogue { configuration.catalogue = catalogue }
        if let language { configuration.language = language.lowercased().replacing("_", with: "-") }
        guard ManifestLibrary.isLanguage(configuration.language) else {
            throw CommandFailure(
                .usage, kind: "language", "\"\(displayed(configuration.language))\" is no language.",
                next: "Use a code such as de, fr or pt-br; what is not written in it is said in English.")
        }
        guard Device.isName(configuration.operatorName) else {
            throw CommandFailure(
                .usage, kind: "operator", "\"\(displayed(configuration.operatorName))\" is not an operator's name.",
                next: "Use letters, digits and . _ - with --operator.")
        }
        return configuration
    }

    /// Opens the store.
    func database() throws -> RollcallDatabase {
        try RollcallDatabase(path: try configuration().data + "/rollcall.db")
    }

    /// Opens the store for what only reads in it, as an auditor has it: where it cannot be written, or the desk's key is not there, too.
    func readableDatabase() throws -> RollcallDatabase {
        let path = try configuration().data + "/rollcall.db"
        do throws(StoreError) { return try RollcallDatabase(path: path) } catch {
            // A file that is there and may be written, in a folder that may not, cannot be opened for writing.
            guard [.readOnly, .signingKey].contains(error.code) || (error.code == .io && FileManager.default.fileExists(atPath: path))
            else {
                throw error
            }
            return try RollcallDatabase(path: path, access: .readOnly)
        }
    }

    /// The probes and rules of the catalogue in use, for what asks no device.
    func library() throws -> ManifestLibrary {
        let configuration = try configuration()
        let packed = try Self.catalogue(configuration).read()
        try packed.checkParts()
        return try packed.library().spoken(in: configuration.language)
    }

    private static func catalogue(_ configuration: Configuration) throws(CommandFailure) -> CatalogueFolder {
        guard FileManager.default.fileExists(atPath: configuration.catalogue + "/header.cbor") else {
            throw CommandFailure(
                .notFound, kind: "no-catalogue", "There is no catalogue at \(configuration.catalogue).",
                next:
                    "Pack one with `rollcall probes pack --version 1`, have it signed with `rollcall probes sign`, or name one with --catalogue."
            )
        }
        return CatalogueFolder(configuration.catalogue)
    }

    /// Opens the store, the catalogue and the keys.
    ///
    /// - Parameter asksProbes: Whether the catalogue's probes will be wanted, so that they are read beside what comes first.
    func desk(asksProbes: Bool = true) async throws -> Desk {
        let configuration = try configuration()
        let folder = try Self.catalogue(configuration)
        let (packed, signed) = (try folder.read(), try folder.signed())
        try packed.checkParts()
        let database = try RollcallDatabase(path: configuration.data + "/rollcall.db")
        let keys = try await LoginKeys.find(
            path: configuration.identity, agentSocket: configuration.agentSocket, askPassphrase: Questions.passphrase)
        return Desk(
            database: database, library: { [language = configuration.language] in try packed.library().spoken(in: language) },
            asksProbes: asksProbes, catalogueDigest: signed.digest, operatorName: configuration.operatorName,
            keys: keys, sshConfiguration: configuration.sshConfiguration)
    }
}

/// Writes values as one JSON document, keys sorted.
func printJSON(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
    // What is empty stands on one line; a line's end within a string is escaped (RFC 8259).
    let text = plainJSON(String(decoding: try encoder.encode(value), as: UTF8.self)).replacing(/\[\s*\n\s*\]/, with: "[]")
    writeOut((text + "\n").utf8)
}

/// JSON in which everything that a terminal would obey, or that hides or turns round text, is written as `\uXXXX`.
///
/// JSON itself (RFC 8259) wants that only of what is below U+0020.
func plainJSON(_ json: String) -> String {
    var plain = String.UnicodeScalarView()
    for scalar in json.unicodeScalars {
        if scalar == "\n" || isDisplayable(scalar) {
            plain.append(scalar)
            continue
        }
        for unit in String(scalar).utf16 {
            let digits = String(unit, radix: 16)
            plain.append(contentsOf: ("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).unicodeScalars)
        }
    }
    return String(plain)
}

/// `k=v` arguments as parameters.
///
/// - Throws: `.usage` naming the argument that is none.
func parameters(_ arguments: [String]) throws(CommandFailure) -> [(name: String, value: String)] {
    var parameters: [(String, String)] = []
    for argument in arguments {
        guard let equals = argument.firstIndex(of: "="), equals != argument.startIndex else {
            throw CommandFailure(
                .usage, kind: "usage", "\"\(displayed(argument))\" is not a parameter.", next: "Write parameters as name=value.")
        }
        parameters.append((String(argument[..<equals]), String(argument[argument.index(after: equals)...])))
    }
    return parameters
}

/// Microseconds UTC as people write a time: ISO 8601, whole seconds.
func timeText(_ microseconds: Int64) -> String {
    Date(timeIntervalSince1970: Double(microseconds / 1_000_000)).formatted(.iso8601)
}
