import Catalogue
import Testing
import Wire

@Suite struct ParameterTests {
    private func accepts(_ value: String, _ type: ParameterType) -> Bool {
        rule { try ParameterDefinition(name: "p", type: type).check(Text(value)) } == nil
    }

    @Test(
        "ordinary services may be restarted",
        arguments: [
            "cups.service", "kiosk-browser.service", "app@2.service", "my_app.v2.service", "nginx.service", "lightdm.service", "a.service",
            "systemic.service.service", "mosquitto.service", String(repeating: "a", count: 120) + ".service",
        ])
    func ordinary(name: String) { #expect(accepts(name, .unit)) }

    @Test(
        "what is no service's name is refused",
        arguments: [
            "", "cups", ".service", "cups.socket", "cups.service ", " cups.service", "cups.service\n", "cups service.service",
            "-cups.service",
            "--now.service", ".cups.service", "../cups.service", "a/b.service", "/etc/x.service", "a\\x2db.service", "a:b.service",
            "*.service",
            "c?ps.service", "[c]ups.service", "cups.SERVICE", "cups.\u{455}ervice", "\u{441}ups.service", "cups\u{200b}.service",
            "cups\0.service",
            "$(reboot).service", "a;b.service", "a,b.service", "@.service", "app@.service", "@x.service",
            String(repeating: "a", count: 121) + ".service",
        ])
    func noService(name: String) { #expect(!accepts(name, .unit)) }

    @Test(
        "a way in, what the machine stands on, and what would stop it are never touched, under any of their names",
        arguments: [
            // Ways in, and what makes their host keys.
            "ssh", "sshd", "ssh@1", "sshd@1-192.0.2.1-22", "ssh-agent", "sshd-keygen@rsa", "openssh-server", "dropbear",
            "dropbear@1", "tinyssh@1", "regenerate_ssh_host_keys", "cloud-init", "rollcall-agent", "rollcall", "rollcall-agent@x",
            "tailscaled",
            "wg-quick@wg0", "openvpn", "openvpn-client@hq", "openvpn@hq", "strongswan", "ipsec", "zerotier-one",
            // The network under them.
            "networking", "network", "NetworkManager", "NetworkManager-dispatcher", "network-manager", "ifup@eth0", "wpa_supplicant",
            "wpa_supplicant@wlan0", "dhcpcd", "dhcpcd@eth0", "connman", "iwd", "ModemManager", "nftables", "netfilter-persistent",
            "firewalld", "ufw",
            "iptables",
            // systemd's own, also by alias.
            "systemd-logind", "systemd-reboot", "systemd", "dbus", "dbus-broker", "messagebus", "dbus-org.freedesktop.login1",
            "dbus-org.freedesktop.network1", "dbus-org.freedesktop.nm-dispatcher", "dbus-fi.w1.wpa_supplicant1", "udev", "procps", "kmod",
            "initrd-switch-root", "user@1000", "user-runtime-dir@1000", "polkit", "rc-local", "rc",
            // Consoles.
            "getty@tty1", "autovt@tty1", "serial-getty@ttyS0", "console-getty", "container-getty@1", "getty-static", "debug-shell",
            "emergency",
            "rescue", "sulogin",
            // The machine's end.
            "reboot", "poweroff", "halt", "kexec", "kexec-load", "shutdown", "suspend", "hibernate", "plymouth-reboot", "sendsigs",
            "umountfs",
            "killprocs", "single", "packagekit-offline-update", "fwupd-offline-update", "selinux-autorelabel", "snapd.system-shutdown",
            "watchdog",
            "wd_keepalive", "init", "final",
        ])
    func untouchable(stem: String) { #expect(!accepts(stem + ".service", .unit)) }

    @Test("whole numbers are within their bounds, in one spelling")
    func integers() {
        let type = ParameterType.integer(minimum: -5, maximum: 100)
        for value in ["0", "-5", "100", "7"] { #expect(accepts(value, type), "\(value)") }
        for value in [
            "", "-", "-6", "101", "007", "00", "-0", "-05", "+1", " 1", "1 ", "1.0", "1e1", "0x1", "\u{661}", "99999999999999999999999",
            "--1", "1-",
            "-9223372036854775808", "18446744073709551616",
        ] { #expect(!accepts(value, type), "\(value)") }
        let all = ParameterType.integer(minimum: .min, maximum: .max)
        for value in ["9223372036854775807", "-9223372036854775808", "1000000000000000000"] { #expect(accepts(value, all), "\(value)") }
        for value in ["9223372036854775808", "-9223372036854775809", "10000000000000000000"] { #expect(!accepts(value, all), "\(value)") }
    }

    @Test("a refusal says the bounds, the least of them too")
    func bounds() {
        do {
            try ParameterDefinition(name: "n", type: .integer(minimum: .min, maximum: 0)).check("1")
            Issue.record("accepted")
        } catch {
            #expect(error.sentence.string.contains("-9223372036854775808"))
        }
    }

    @Test("a choice is one of its words, byte by byte")
    func choices() {
        let type = ParameterType.choice(["yes", "caf\u{e9}"])
        #expect(accepts("yes", type))
        #expect(accepts("caf\u{e9}", type))
        for value in ["", "Yes", "yes ", "cafe\u{301}", "no", "yes,caf\u{e9}"] { #expect(!accepts(value, type), "\(value)") }
        #expect(!accepts("", .choice([])))
    }
}
