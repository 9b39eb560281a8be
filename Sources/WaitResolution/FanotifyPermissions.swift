import Evidence
import KernelFacts
import ProcFS
import WaitModel

/// Accesses that a fanotify listener must allow. Source: fanotify(7), fs/notify/fanotify/fanotify.c `fanotify_get_response`. The kernel does
/// not say which group was asked: every group with permission marks that could cover the file is a party.
enum FanotifyPermissions: WaitResolver {
    static func resolve(_ thread: BlockedThread, on host: Host) -> Wait? {
        guard let channel = thread.channel, channel == "fanotify_handle_event" || channel == "fanotify_get_response" else { return nil }
        let concerned = thread.mounts(on: host).first
        var groups: [(holder: DescriptorHolder, marks: [DescriptorDetails.FanotifyMark])] = []
        for holder in host.holders(of: "anon_inode:[fanotify]") {
            guard let details = host.descriptorDetails(holder), details.answersPermission else { continue }
            let marks = details.fanotifyMarks.filter(\.asksForPermission)
            if !marks.isEmpty { groups.append((holder, marks)) }
        }
        // Where several answer, the mount and the device of the file tell some of them apart.
        var chosen = groups
        var isNarrowed = false
        if Set(groups.map(\.holder.pid)).count > 1, let concerned, concerned.certainty > .possible {
            let fitting = groups.filter { $0.marks.contains { covers($0, concerned.mount) } }
            if !fitting.isEmpty, fitting.count < groups.count { (chosen, isNarrowed) = (fitting, true) }
        }
        let counterparts = Counterparts(chosen.map(\.holder), of: thread, on: host)
        for group in chosen.prefix(4) {
            thread.cite(
                "/proc/\(group.holder.pid)/fdinfo/\(group.holder.descriptor)",
                "fanotify group with \(group.marks.count) marks that ask for permission")
        }
        var parties = counterparts.parties(role: "listener", what: "a fanotify group that is asked for permission", thread: thread)
        parties = parties.map { party in
            Party(
                party.target, role: party.role, certainty: isNarrowed ? min(party.certainty, .inferred) : party.certainty,
                because: party.because, causeAtRest: .unanswered, member: party.member)
        }
        if parties.isEmpty {
            parties = [Party(.outside(.unnamed), role: "listener", certainty: .possible, because: "no such listener is visible here")]
        }
        let file = concerned?.file
        let verb =
            switch thread.callName {
            case "execve", "execveat": "execute"
            case "open", "openat", "openat2", "creat": "open"
            default: "access"
            }
        let names = counterparts.others.prefix(3).map { "\($0.name) (\($0.id.pid))" }.joined(separator: ", ")
        let resource = Resource(
            id: ResourceID("fanotify:" + (chosen.first.map { "\($0.holder.pid):\($0.holder.descriptor)" } ?? "unknown")),
            kind: "fanotify-group",
            label: names.isEmpty ? "a fanotify listener" : "fanotify listener \(names)",
            facts: [("listeners", .number(Int64(chosen.count)))])
        return Wait(
            kind: .fanotify, resource: host.register(resource), release: Release(.any, parties, completeness: counterparts.completeness),
            deadEnd: counterparts.isEmpty ? .unknown : counterparts.deadEnd(of: thread, on: host), isDemand: true,
            description: "wants to \(verb) \(file ?? "a file") and waits for permission"
                + (names.isEmpty ? " from a fanotify listener" : " from \(names), which watches accesses (fanotify)"))
    }

    private static func covers(_ mark: DescriptorDetails.FanotifyMark, _ mount: Mount) -> Bool {
        switch mark.subject {
        case .mount(let id): id == UInt64(clamping: mount.id)
        case .fileSystem(let device): device == mount.kernelDevice
        case .inode(_, let device): device == mount.kernelDevice
        }
    }
}
