import Foundation
import Testing

extension LabTests {
    @Suite("Telemetry, and how people get in")
    struct Telemetry {
        /// What `rollcall telemetry --json` writes, as far as the tests read it.
        struct History: Decodable {
            struct Series: Decodable {
                let metric: String
                let times: [Int64]
                let values: [Double]
            }

            struct Event: Decodable {
                let kind: String
                let subject: String
            }

            let series: [Series]
            let events: [Event]
        }

        struct Checkup: Decodable {
            let subject: String
            let state: String
            let sentence: String
        }

        /// What a diagnosis says of a device that has started anew.
        struct Restarted: Decodable {
            let reboot: [String]?
        }

        @Test("a device that was shut down, and one that lost its power, are told apart, with the minutes before")
        func reboots() async throws {
            try await Bench.withSpare { device, desk in
                try await device.shell("echo telemetry-interval 1 >> /etc/rollcall/agent.conf && systemctl reload rollcall-agent")
                try await device.until("[ $(($(date +%s) - $(stat -c %Y /run/rollcall/agent.sock))) -ge 5 ]")
                #expect(try await desk.ask(["diagnose", device.name], as: Restarted.self).reboot == nil)
                try await lab("restart", device.name)
                let clean = try #require(try await desk.ask(["diagnose", device.name], as: Restarted.self).reboot)
                #expect(clean.first?.contains("after a shutdown; the last sample before is of 20") == true, "\(clean)")
                #expect(clean.contains { $0.hasPrefix("In the last minutes before: ") && $0.contains("memory.available") }, "\(clean)")
                // The agent is up for less than an hour: only the block that it sealed at its start says that it was not stopped.
                try await device.until("[ $(stat -c %Y /var/lib/rollcall/telemetry) -ge $(stat -c %Y /run/rollcall/agent.sock) ]")
                try await device.until("[ $(($(date +%s) - $(stat -c %Y /run/rollcall/agent.sock))) -ge 4 ]")
                try await lab("restart", "--hard", device.name)
                let hard = try #require(try await desk.ask(["diagnose", device.name], as: Restarted.self).reboot)
                #expect(hard.first?.contains("without a clean shutdown: power, a hang or a reset; the last sample") == true, "\(hard)")
                // Said once.
                #expect(try await desk.ask(["diagnose", device.name], as: Restarted.self).reboot == nil)
            }
        }

        @Test("what a device measured comes as a table, CSV and JSON, and a service that failed is among what happened")
        func history() async throws {
            let bench = try Bench.require()
            let (device, desk) = (bench.first, bench.desk)
            try await device.with("service-config") {
                var history = try await desk.ask(["telemetry", device.name], as: History.self)
                let deadline = ContinuousClock.now + .seconds(150)
                func hasFailed(_ event: History.Event) -> Bool { event.kind == "unit failed" && event.subject == "kiosk-display.service" }
                while !history.events.contains(where: hasFailed), ContinuousClock.now < deadline {
                    try await Task.sleep(for: .seconds(5))
                    history = try await desk.ask(["telemetry", device.name], as: History.self)
                }
                #expect(history.events.contains(where: hasFailed), "\(history.events)")
                let memory = try #require(history.series.first { $0.metric == "memory.available" })
                #expect(memory.values.count >= 2 && memory.values.allSatisfy { $0 > 1_048_576 })
                #expect(memory.times == memory.times.sorted() && memory.times.count == memory.values.count)
                #expect(history.series.contains { $0.metric == "space.available" })
            }
            let csv = try await desk.must(["telemetry", device.name, "memory.available", "--csv", "--stored"]).output
            #expect(csv.hasPrefix("time,metric,subject,unit,value\r\n") && csv.contains(",memory.available,\"\",B,"))
            let table = try await desk.must(["telemetry", device.name, "memory", "--stored"]).output
            #expect(table.contains("memory.available"))
        }

        @Test("an open port and root's key are named as other ways in, on the device and at the desk")
        func waysIn() async throws {
            let bench = try Bench.require()
            let (device, desk) = (bench.first, bench.desk)
            try await device.shell(
                "systemd-run --quiet --unit=open --socket-property=ListenStream=0.0.0.0:23 --socket-property=Accept=yes /bin/cat")
            let check = try await runProgram(LabSite.script, ["sh", device.name, "rollcall-agent", "check"])
            let doctor = try await desk.rollcall(["doctor", device.name, "--json"])
            try await device.shell("systemctl stop open.socket")
            #expect(check.status == 0, "\(check.story)")
            #expect(check.output.contains("\nAnother way in: telnet: TCP port 23, held by systemd (process 1).\n"), "\(check.story)")
            #expect(check.output.contains("Another way in: the user root, with a key in /root/.ssh/authorized_keys.\n"), "\(check.story)")
            #expect(check.output.contains("Open to the network: TCP port 22, held by sshd ("), "\(check.story)")
            #expect(!check.output.contains("Not known: "), "\(check.story)")
            let found = try doctor.json([Checkup].self)
            #expect(doctor.status == 1, "\(doctor.story)")
            #expect(found.contains { $0.subject == "way in" && $0.sentence.hasPrefix("telnet: TCP port 23") }, "\(doctor.story)")
            #expect(found.filter { $0.state == "problem" }.isEmpty, "\(doctor.story)")
            // Without it only root's key is left.
            let closed = try await device.shell("rollcall-agent check")
            #expect(closed.split(separator: "\n").filter { $0.hasPrefix("Another way in") }.count == 1, "\(closed)")
            // A door that is no longer as the drop-in has it.
            try await device.shell("mv /etc/ssh/sshd_config.d/rollcall.conf /root/")
            let broken = try await runProgram(LabSite.script, ["sh", device.name, "rollcall-agent", "check"])
            try await device.shell("mv /root/rollcall.conf /etc/ssh/sshd_config.d/")
            #expect(broken.status == 1 && broken.output.contains("sshd lacks \"disableforwarding yes\""), "\(broken.story)")
        }

        @Test("what the owner wants to be asked for is done only while the consent lasts")
        func consent() async throws {
            let bench = try Bench.require()
            let (device, desk) = (bench.second, bench.desk)
            let fix = ["fix", device.name, "storage.vacuum-journal", "--yes"]
            try await device.shell("echo 'consent change' > /etc/rollcall/owner.conf")
            let refused = try await desk.rollcall(fix)
            try await device.shell("rollcall-agent allow 5")
            let allowed = try await desk.rollcall(fix)
            try await device.shell("rollcall-agent allow 0")
            let over = try await desk.rollcall(fix)
            try await device.shell("rm /etc/rollcall/owner.conf")
            #expect(refused.status == 79 && refused.errors.contains("rollcall-agent allow"), "\(refused.story)")
            #expect(allowed.status == 0, "\(allowed.story)")
            #expect(over.status == 79, "\(over.story)")
            #expect(try await device.shell("rollcall-agent log -n 200").contains("owner.consented  until "))
        }
    }
}
