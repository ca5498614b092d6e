internal import GRDB

/// The tables of the database, as numbered steps that only go forward.
///
/// A step that has been released is never changed: a change of the schema is a further step. `PRAGMA user_version` holds the number
/// of the last step taken.
enum Schema {
    /// Marks the file as Rollcall's: the letters `RLCL`.
    static let applicationID: Int64 = 0x524C_434C

    /// The steps in order; step n leads to version n + 1.
    static let steps: [String] = [ledger, inventory, calls, sweeps, openPort, telemetry, roster, answers, callerAnswers, undos, remedies]

    static var version: Int { steps.count }

    /// Takes the steps that are still to be taken, all or none of them.
    ///
    /// - Parameter target: The version to stop at; tests stop early.
    static func migrate(_ database: Database, to target: Int = version) throws {
        let found = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        try check(database, version: found)
        guard found < target else { return }
        for step in found..<target { try database.execute(sql: steps[step]) }
        try database.execute(sql: "PRAGMA application_id = \(applicationID)")
        try database.execute(sql: "PRAGMA user_version = \(target)")
    }

    /// Refuses a database of another program or of a newer version of this one.
    static func check(_ database: Database) throws {
        try check(database, version: Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0)
    }

    private static func check(_ database: Database, version found: Int) throws {
        let application = try Int64.fetchOne(database, sql: "PRAGMA application_id") ?? 0
        let tables = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_schema") ?? 0
        guard application == applicationID || (application == 0 && tables == 0) else { throw StoreError(.foreign) }
        guard found <= version else { throw StoreError(.newerVersion, String(found)) }
    }

    /// The desk and its log. Hashes of an entry: its leaf hash, then those of the subtrees that it completes, 32 bytes each.
    private static let ledger = """
        CREATE TABLE desk (
          one INTEGER PRIMARY KEY CHECK (one = 1), origin TEXT NOT NULL, verifier TEXT NOT NULL, created_at INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE ledger_entries (
          idx INTEGER PRIMARY KEY, encoded BLOB NOT NULL, hashes BLOB NOT NULL, kind TEXT NOT NULL, time INTEGER NOT NULL,
          session TEXT NOT NULL, call TEXT NOT NULL, device TEXT NOT NULL, person_salt BLOB, person_name TEXT
        ) STRICT;
        CREATE INDEX ledger_entries_session ON ledger_entries (session) WHERE session <> '';
        CREATE INDEX ledger_entries_call ON ledger_entries (call) WHERE call <> '';
        CREATE INDEX ledger_entries_device ON ledger_entries (device) WHERE device <> '';
        CREATE INDEX ledger_entries_person ON ledger_entries (person_name) WHERE person_name IS NOT NULL;
        CREATE TABLE ledger_head (
          one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL, edge BLOB NOT NULL
        ) STRICT;
        INSERT INTO ledger_head VALUES (1, 0, x'');
        CREATE TABLE checkpoints (size INTEGER PRIMARY KEY, note BLOB NOT NULL, signed_at INTEGER NOT NULL) STRICT;
        """

    private static let inventory = """
        CREATE TABLE devices (
          id TEXT PRIMARY KEY, name TEXT NOT NULL, host TEXT NOT NULL, port INTEGER NOT NULL, user TEXT NOT NULL,
          site TEXT NOT NULL, model TEXT NOT NULL, tags TEXT NOT NULL, host_keys TEXT NOT NULL, added_at INTEGER NOT NULL,
          verifier TEXT NOT NULL DEFAULT '', agent_id TEXT NOT NULL DEFAULT '', agent_version TEXT NOT NULL DEFAULT '',
          catalogue_version INTEGER NOT NULL DEFAULT 0, enrolled_at INTEGER, last_seen_at INTEGER, removed_at INTEGER
        ) STRICT;
        CREATE UNIQUE INDEX devices_name ON devices (name) WHERE removed_at IS NULL;
        CREATE TABLE device_heads (
          device TEXT PRIMARY KEY REFERENCES devices (id), size INTEGER NOT NULL, root BLOB NOT NULL, note BLOB NOT NULL,
          seen_at INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE witnesses (
          device TEXT PRIMARY KEY REFERENCES devices (id), size INTEGER NOT NULL, seen_at INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE cosignatures (
          device TEXT NOT NULL REFERENCES devices (id), size INTEGER NOT NULL REFERENCES checkpoints (size), line BLOB NOT NULL,
          verifier TEXT NOT NULL, received_at INTEGER NOT NULL, PRIMARY KEY (device, size)
        ) STRICT;
        CREATE TABLE catalogue_pushes (
          device TEXT NOT NULL REFERENCES devices (id), version INTEGER NOT NULL, digest BLOB NOT NULL, pushed_at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX catalogue_pushes_device ON catalogue_pushes (device);
        """

    private static let calls = """
        CREATE TABLE calls (
          id TEXT PRIMARY KEY, device TEXT NOT NULL REFERENCES devices (id), case_id TEXT NOT NULL, symptom TEXT NOT NULL,
          would_roll TEXT NOT NULL, operator TEXT NOT NULL, opened_at INTEGER NOT NULL, closed_at INTEGER, outcome TEXT,
          notes TEXT NOT NULL DEFAULT '', parts TEXT NOT NULL DEFAULT '', skill TEXT NOT NULL DEFAULT ''
        ) STRICT;
        CREATE INDEX calls_device ON calls (device, opened_at);
        CREATE INDEX calls_opened ON calls (opened_at);
        CREATE TABLE sessions (
          id TEXT PRIMARY KEY, device TEXT NOT NULL REFERENCES devices (id), call TEXT REFERENCES calls (id),
          operator TEXT NOT NULL, reason TEXT NOT NULL, started_at INTEGER NOT NULL, ended_at INTEGER, agent_version TEXT,
          agent_boot TEXT, agent_clock INTEGER, role TEXT, known_size INTEGER NOT NULL DEFAULT 0, offered_size INTEGER, witness_status INTEGER, head_before BLOB,
          head_after BLOB, error_code TEXT
        ) STRICT;
        CREATE INDEX sessions_device ON sessions (device, started_at);
        CREATE INDEX sessions_call ON sessions (call) WHERE call IS NOT NULL;
        CREATE TABLE requests (
          session TEXT NOT NULL REFERENCES sessions (id), number INTEGER NOT NULL, probe TEXT NOT NULL, parameters TEXT NOT NULL,
          requested_at INTEGER NOT NULL, answered_at INTEGER, ending TEXT, code INTEGER, digest BLOB, byte_count INTEGER,
          cut_byte_count INTEGER, duration INTEGER, rule TEXT, PRIMARY KEY (session, number)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE verdicts (
          id TEXT PRIMARY KEY, device TEXT NOT NULL REFERENCES devices (id), session TEXT REFERENCES sessions (id),
          call TEXT REFERENCES calls (id), taken_at INTEGER NOT NULL, exit_code INTEGER NOT NULL, severity TEXT NOT NULL,
          json TEXT NOT NULL
        ) STRICT;
        CREATE INDEX verdicts_device ON verdicts (device, taken_at);
        CREATE INDEX verdicts_call ON verdicts (call) WHERE call IS NOT NULL;
        CREATE TABLE fixes (
          id TEXT PRIMARY KEY, device TEXT NOT NULL REFERENCES devices (id), session TEXT REFERENCES sessions (id),
          call TEXT REFERENCES calls (id), finding TEXT NOT NULL, subject TEXT NOT NULL, remedy TEXT NOT NULL,
          parameters TEXT NOT NULL, result TEXT NOT NULL, judged_at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX fixes_finding ON fixes (finding, judged_at);
        CREATE INDEX fixes_call ON fixes (call) WHERE call IS NOT NULL;
        """

    private static let sweeps = """
        CREATE TABLE sweeps (
          id TEXT PRIMARY KEY, selection TEXT NOT NULL, operator TEXT NOT NULL, started_at INTEGER NOT NULL, ended_at INTEGER
        ) STRICT;
        CREATE TABLE sweep_targets (
          sweep TEXT NOT NULL REFERENCES sweeps (id), device TEXT NOT NULL REFERENCES devices (id), position INTEGER NOT NULL,
          state TEXT, detail TEXT NOT NULL DEFAULT '', session TEXT REFERENCES sessions (id), verdict TEXT REFERENCES verdicts (id),
          ended_at INTEGER, PRIMARY KEY (sweep, device)
        ) STRICT, WITHOUT ROWID;
        """

    /// Blocks of telemetry. Times are milliseconds UTC by the device's clock; an open block comes again under its number.
    private static let telemetry = """
        CREATE TABLE telemetry_blocks (
          device TEXT NOT NULL REFERENCES devices (id), ring BLOB NOT NULL, sequence INTEGER NOT NULL, first_time INTEGER NOT NULL,
          last_time INTEGER NOT NULL, is_open INTEGER NOT NULL, received_at INTEGER NOT NULL, block BLOB NOT NULL,
          PRIMARY KEY (device, ring, sequence)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX telemetry_blocks_time ON telemetry_blocks (device, last_time);
        """

    /// A port that is not said is OpenSSH's configuration's to say.
    private static let openPort = """
        ALTER TABLE devices RENAME COLUMN port TO closed_port;
        ALTER TABLE devices ADD COLUMN port INTEGER;
        UPDATE devices SET port = closed_port;
        ALTER TABLE devices DROP COLUMN closed_port;
        """

    /// Who may come in at devices. A name that was revoked may come again, as another row. What devices said of their roster: a version, 0
    /// without one, NULL where they never said.
    private static let roster = """
        CREATE TABLE operators (
          id TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, keys TEXT NOT NULL, expires_at INTEGER, added_at INTEGER NOT NULL,
          revoked_at INTEGER, reason TEXT NOT NULL DEFAULT ''
        ) STRICT;
        CREATE UNIQUE INDEX operators_name ON operators (name) WHERE revoked_at IS NULL;
        CREATE TABLE rosters (
          version INTEGER PRIMARY KEY, digest BLOB NOT NULL, part BLOB NOT NULL, packed_at INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE roster_pushes (
          device TEXT NOT NULL REFERENCES devices (id), version INTEGER NOT NULL, digest BLOB NOT NULL, pushed_at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX roster_pushes_device ON roster_pushes (device);
        ALTER TABLE devices ADD COLUMN roster_version INTEGER;
        """

    /// Of each device the answers of its last full diagnosis, and of the last in which nothing was found; and what healthy devices of a model
    /// have, an item a row.
    private static let answers = """
        CREATE TABLE answers (
          device TEXT NOT NULL REFERENCES devices (id), kind TEXT NOT NULL CHECK (kind IN ('last', 'good')),
          verdict TEXT NOT NULL REFERENCES verdicts (id), taken_at INTEGER NOT NULL, encoded BLOB NOT NULL, PRIMARY KEY (device, kind)
        ) STRICT;
        CREATE TABLE expectations (
          model TEXT NOT NULL, kind TEXT NOT NULL, item TEXT NOT NULL, learned_at INTEGER NOT NULL, PRIMARY KEY (model, kind, item)
        ) STRICT, WITHOUT ROWID;
        """

    /// What callers said of devices that could not be reached. The salt keeps an answer from being guessed from its digest in the log.
    private static let callerAnswers = """
        CREATE TABLE caller_answers (
          id TEXT PRIMARY KEY, device TEXT NOT NULL REFERENCES devices (id), call TEXT REFERENCES calls (id), operator TEXT NOT NULL,
          probe TEXT NOT NULL, taken_at INTEGER NOT NULL, salt BLOB NOT NULL, json TEXT NOT NULL
        ) STRICT;
        CREATE INDEX caller_answers_device ON caller_answers (device, taken_at);
        CREATE INDEX caller_answers_call ON caller_answers (call) WHERE call IS NOT NULL;
        """

    /// Remedies that were taken back, and the session in which they were.
    private static let undos = """
        CREATE TABLE undos (
          undone_session TEXT NOT NULL, undone_request INTEGER NOT NULL, session TEXT NOT NULL REFERENCES sessions (id),
          undone_at INTEGER NOT NULL, PRIMARY KEY (undone_session, undone_request),
          FOREIGN KEY (undone_session, undone_request) REFERENCES requests (session, number)
        ) STRICT, WITHOUT ROWID;
        """

    /// Remedies, from before the device hears of them: in which state it was, which remedy this one takes back, and what came of it; no outcome
    /// where that is not known. Of those taken back before there was this table neither remedy nor parameters are known.
    private static let remedies = """
        CREATE TABLE remedies (
          session TEXT PRIMARY KEY REFERENCES sessions (id), remedy TEXT NOT NULL, parameters TEXT NOT NULL, started_at INTEGER NOT NULL,
          prior TEXT, undone_session TEXT, undone_request INTEGER, ended_at INTEGER, outcome TEXT, detail TEXT NOT NULL DEFAULT '',
          FOREIGN KEY (undone_session, undone_request) REFERENCES requests (session, number)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX remedies_undone ON remedies (undone_session, undone_request) WHERE undone_session IS NOT NULL;
        INSERT INTO remedies SELECT session, '', '[]', undone_at, NULL, undone_session, undone_request, undone_at, 'ran', '' FROM undos;
        DROP TABLE undos;
        """
}
