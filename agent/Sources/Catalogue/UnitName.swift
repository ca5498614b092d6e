public import Wire

/// Which names of systemd units a parameter may be.
///
/// The list names what would cut the way in, take the ground from under the machine, or stop it, by every name that systemd and Debian
/// give it: an alias restarts the same service. It cannot know what a device's owner adds; a catalogue with such a device in mind uses a
/// choice of words instead.
public enum UnitName {
    /// Longest name, bytes.
    public static let sizeLimit = 128

    /// Names, without `.service` and without what follows an `@`, that a remedy never touches: the network under the way in; private networks,
    /// through which many a device is reached; what the machine stands on, where udev, procps, kmod and messagebus are aliases; consoles; the
    /// machine's end. One text, for a list of them would take more of the agent than the names themselves.
    private static let untouchable: Text = """
        networking network network-manager ModemManager connman iwd dhcpcd dhclient ifup hostapd ppp \
        pppd \
        nftables iptables ip6tables netfilter-persistent firewalld ufw shorewall \
        wg-quick ipsec strongswan strongswan-starter tailscaled zerotier-one nebula \
        systemd dbus messagebus polkit udev procps kmod user user-runtime-dir rc rcS rc-local init \
        getty autovt serial-getty console-getty container-getty getty-static debug-shell emergency rescue \
        sulogin \
        halt poweroff reboot shutdown suspend hibernate single final sendsigs killprocs umountfs \
        umountroot \
        packagekit-offline-update fwupd-offline-update watchdog wd_keepalive
        """

    /// Beginnings of such names. Aliases over D-Bus (`dbus-org.freedesktop.login1`) name systemd's and the network's own services.
    private static let untouchablePrefixes: Text = """
        ssh openssh dropbear tinyssh regenerate_ssh cloud- rollcall systemd- dbus- initrd- NetworkManager \
        wpa_supplicant openvpn kexec plymouth- selinux-autorelabel snapd.system-shutdown
        """

    /// Why `name` may not be a unit parameter, as the end of a sentence; nil if it may.
    public static func refusal(of name: Text) -> Text? {
        let suffix: Text = ".service"
        let bytes = name.bytes
        guard bytes.count <= sizeLimit, bytes.count > suffix.bytes.count, Array(bytes.suffix(suffix.bytes.count)) == suffix.bytes else {
            return "must be the name of a service unit, such as cups.service"
        }
        let stem = Array(bytes.dropLast(suffix.bytes.count))
        guard stem.allSatisfy(isAllowed) else { return "may hold only letters, digits and . _ - @" }
        if stem.first == dash || stem.first == 46 { return "must not begin with a dash or a dot" }
        // A template without its instance is no service.
        if stem.first == at || stem.last == at { return "must name one instance, such as app@1.service" }
        let base = Array(stem.prefix { $0 != at })
        let isUntouchable =
            untouchable.bytes.split(separator: 32).contains { Array($0) == base }
            || untouchablePrefixes.bytes.split(separator: 32).contains { stem.starts(with: $0) }
        return isUntouchable ? "names a service that Rollcall never touches" : nil
    }

    private static let dash: UInt8 = 45
    private static let at: UInt8 = 64

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case 65...90, 97...122, 48...57, dash, 46, at, 95: true
        default: false
        }
    }
}
