/// Probes that go wrong on purpose, each in a folder of manifests that only these tests sign.
enum TestProbes {
    /// Relative path of each manifest, and its text.
    static let manifests: [String: String] = [
        "access/ways": #"""
        id: access.ways
        title: Says what the shipped one says of a device that is open
        impact: observe
        diagnosis: false
        run: [/usr/bin/printf, 'Wrong: sshd lacks a thing.\nAnother way in: telnet: TCP port 23.\nOpen to the network: TCP port 22.\nNot known: more.\n']
        parse: {lines: {match: '(?<kind>Wrong|Another way in|Open to the network|Not known): (?<what>.*)'}}
        facts:
          kind: text
          what: text
        """#,
        "odd/hang": """
        id: odd.hang
        title: Never ends
        impact: observe
        run: [/bin/sleep, "600"]
        limits: {time: 300ms, output: 4KiB}
        """,
        "odd/wordy": """
        id: odd.wordy
        title: Says more than it may
        impact: observe
        run: [/usr/bin/seq, "2000"]
        limits: {time: 5s, output: 4KiB}
        """,
        "odd/flood": """
        id: odd.flood
        title: Never stops talking
        impact: observe
        run: [/usr/bin/yes]
        limits: {time: 5s, output: 4KiB}
        """,
        "odd/crash": """
        id: odd.crash
        title: Dies by a signal
        impact: observe
        run: [/bin/sh, -c, "kill -SEGV $$"]
        """,
        "odd/failing": """
        id: odd.failing
        title: Exits with a status that is no answer
        impact: observe
        run: [/bin/false]
        """,
        "odd/units": """
        id: odd.units
        title: Two services, one of which a spreadsheet would take for a formula
        impact: observe
        run: [/usr/bin/printf, 'unit=a.service\\n\\nunit==1+1\\n']
        parse: {pairs: {separator: "=", records: blank-line}}
        facts:
          unit: text
        learn:
          services: SELECT unit FROM odd_units
        """,
        "odd/well": """
        id: odd.well
        title: Answers as it should
        impact: observe
        run: [/bin/true]
        """,
        "odd/absent": """
        id: odd.absent
        title: Its program is not there
        impact: observe
        run: [/opt/rollcall-nowhere/program]
        """,
        "odd/nothing": """
        id: odd.nothing
        title: Gives a word where a rule wants a number
        impact: observe
        run: [/bin/echo, level=high]
        parse: {pairs: {separator: "="}}
        facts:
          level: int
        findings:
          - id: odd.level-high
            subject: []
            when: level > 3
            severity: critical
            customer: The level is high.
            engineer: "level {level}"
        """,
        "odd/hostile": #"""
        id: odd.hostile
        title: Says what a terminal would obey
        impact: observe
        run: [/usr/bin/printf, 'begin\033]52;c;aGk=\007\033[2J\rover\342\200\256txt\302\2332Jdel\177end\n']
        """#,
        "odd/hostile-fact": #"""
        id: odd.hostile-fact
        title: Says it as a fact
        impact: observe
        run: [/usr/bin/printf, 'word=begin\033]52;c;aGk=\007\033[2J\rover\342\200\256txt\302\2332Jdel\177end\n']
        parse: {pairs: {separator: "="}}
        facts:
          word: text
        findings:
          - id: odd.said
            subject: [word]
            when: word LIKE 'begin%'
            severity: info
            customer: {en: The device says something., de: "Das Gerät sagt etwas.", pt-br: O aparelho diz algo.}
            engineer: "it says {word}"
            remedies: [odd.change]
        """#,
        "odd/level": """
        id: odd.level
        title: Takes a number and a word
        impact: observe
        run: [/bin/echo, "{level}", "{mode}"]
        parameters:
          level: {type: integer, min: 1, max: 9}
          mode: {type: choice, of: [slow, fast]}
        """,
        "odd/service": """
        id: odd.service
        title: Would do something to a service
        impact: change
        run: [/bin/true, "{unit}"]
        parameters: {unit: unit}
        """,
        "odd/caller": """
        id: odd.caller
        title: Asks the caller
        ask:
          power: {question: "Is there a light?", type: yes-no}
          lamp: {question: "How many lamps?", type: integer, min: 0, max: 9, if: power = 1}
          words: {question: "What does it say?", type: text, max: 40, if: power = 1}
        findings:
          - id: odd.no-power
            when: power = 0
            severity: critical
            customer: Please plug it in.
            engineer: "no light"
            visit: {advice: if-remedies-fail, parts: [power supply], skill: electrician}
          - id: odd.one-lamp
            subject: [words]
            when: lamp = 1
            severity: warning
            customer: One lamp is on.
            engineer: "{lamp} lamp, which says {words}"
        """,
        "odd/caller-other": """
        id: odd.caller-other
        title: Asks the caller of another model
        models: [K9]
        ask:
          door: {question: "Is the door shut?", type: yes-no}
        findings:
          - {id: odd.door, when: door = 0, severity: warning, customer: Please shut it., engineer: open}
        """,
        "odd/users": #"""
        id: odd.users
        title: Who works on it, whatever a terminal would obey
        impact: observe
        run: [/usr/bin/printf, 'who=maria\033[2J\n\nwho=root\n']
        parse: {pairs: {separator: "=", records: blank-line}}
        facts: {who: text}
        """#,
        "odd/away": """
        id: odd.away
        title: What is not on the device
        impact: observe
        run: [/opt/rollcall-nowhere/program]
        parse: {pairs: {separator: "="}}
        facts: {who: text}
        """,
        "odd/guarded": """
        id: odd.guarded
        title: Would disturb who works on it
        impact: change
        run: [/bin/echo, changed]
        in-use: [{probe: odd.users, when: who <> 'root', says: "{who} works on it"}]
        """,
        "odd/unsure": """
        id: odd.unsure
        title: Would disturb what cannot be told
        impact: change
        run: [/bin/echo, changed]
        in-use: [{probe: odd.nothing, when: level > 3, says: "level {level}"}]
        """,
        "odd/free": """
        id: odd.free
        title: Would disturb nobody who is there
        impact: change
        run: [/bin/echo, "{name}"]
        parameters: {name: {type: choice, of: [a, maria]}}
        in-use:
          - {probe: odd.away, when: who <> 'root', says: "{who} works on it"}
          - probe: odd.users
            when: who LIKE (SELECT value FROM parameters WHERE name = 'name') || '%' AND who <> 'a'
            says: "{who} works on it"
        """,
        "odd/on": """
        id: odd.on
        title: Switches it on
        impact: change
        run: [/bin/echo, "{level}"]
        parameters: {level: {type: integer, min: 1, max: 9}}
        undo: {probe: odd.off, with: {which: "{level}"}}
        """,
        "odd/off": """
        id: odd.off
        title: Switches it off
        impact: change
        run: [/bin/echo, "{which}"]
        parameters: {which: {type: integer, min: 1, max: 9}}
        undo: {probe: odd.on, with: {level: "{which}"}}
        """,
        "odd/wake": """
        id: odd.wake
        title: Wakes up who may be awake
        impact: change
        run: [/bin/echo, "{name}"]
        parameters: {name: {type: choice, of: [root, anna]}}
        undo:
          probe: odd.sleep
          with: {name: "{name}"}
          if: [{probe: odd.users, select: "SELECT who FROM odd_users JOIN parameters ON who = value"}]
        """,
        "odd/sleep": """
        id: odd.sleep
        title: Puts to sleep
        impact: change
        run: [/bin/echo, "{name}"]
        parameters: {name: {type: choice, of: [root, anna]}}
        """,
        "odd/blind": """
        id: odd.blind
        title: Changes what cannot be seen
        impact: change
        run: [/bin/true]
        undo: {probe: odd.change, if: [{probe: odd.nothing, when: level > 3}]}
        """,
        "odd/slow-on": """
        id: odd.slow-on
        title: Switches on what is slow to go off
        impact: change
        run: [/bin/true]
        undo: odd.slow-off
        """,
        "odd/slow-off": """
        id: odd.slow-off
        title: Switches off, slowly
        impact: change
        run: [/bin/sleep, "2"]
        """,
        "odd/change": """
        id: odd.change
        title: Changes nothing, but might
        impact: change
        run: [/bin/true]
        """,
    ]

    /// Writes them below `folder`.
    static func write(to folder: String) throws {
        for (path, text) in manifests {
            try Scratch.make("\(folder)/\(path)")
            try Scratch.write(text + "\n", to: "\(folder)/\(path)/probe.yaml")
        }
    }
}
