import Testing
import WaitModel

/// Waits of the file world on recorded trees: what no test machine can make live, and what older kernels leave out.
@Suite struct FileWorldTests {
    private let tree: RecordedTree

    init() throws { tree = try RecordedTree() }

    private func mounts(_ pid: Int32, _ lines: String...) throws {
        try tree.write("\(pid)/task/\(pid)/mountinfo", "15 1 8:1 / / rw - ext4 /dev/sda1 rw\n" + lines.map { $0 + "\n" }.joined())
    }

    // MARK: NFS

    private let nfs = "40 15 0:50 / /data rw - nfs4 filer:/export/data rw,vers=4.2,hard,proto=tcp,addr=192.0.2.7"

    @Test func anNFSServerIsElsewhere() throws {
        try tree.thread(10, state: "D", channel: "rpc_wait_bit_killable", call: call(0, 3))
        try tree.descriptor(10, 3, "/data/big.log", extra: "ino:\t7\n")
        try tree.write("10/task/10/fdinfo/3", "pos:\t0\nflags:\t0100000\nmnt_id:\t40\n")
        try mounts(10, nfs)
        let wait = try tree.wait(10)
        #expect(wait.kind == .nfs)
        #expect(wait.resource?.name == "nfs:filer:/export/data")
        #expect(wait.deadEnd == .external)
        #expect(wait.release.parties.map(\.target) == [.outside(.network)])
        #expect(wait.description.contains("filer"))
    }

    @Test func anUnknownFileOnTheOnlyNFSMount() throws {
        try tree.thread(10, state: "D", channel: "rpc_wait_bit_killable", call: call(262, 0xffff_ff9c, 0x1000))
        try mounts(10, nfs)
        let wait = try tree.wait(10)
        #expect(wait.kind == .nfs && wait.release.parties.map(\.certainty) == [.inferred])
    }

    @Test func twoNFSMountsAreNotTold() throws {
        try tree.thread(10, state: "D", channel: "nfs_wait_bit_killable", call: call(262, 0xffff_ff9c, 0x1000))
        try mounts(10, nfs, "41 15 0:51 / /other rw - nfs other:/x rw,addr=192.0.2.8")
        let wait = try tree.wait(10)
        #expect(wait.kind == .nfs && wait.resource == nil && wait.release.parties.map(\.certainty) == [.possible])
    }

    @Test func aCIFSServerIsNoNFS() throws {
        try tree.thread(10, state: "D", channel: "wait_for_response", call: call(0, 3))
        try tree.descriptor(10, 3, "/share/x")
        try tree.write("10/task/10/fdinfo/3", "pos:\t0\nflags:\t0100000\nmnt_id:\t44\n")
        try mounts(10, "44 15 0:52 / /share rw - cifs //nas/share rw,addr=192.0.2.9")
        let wait = try tree.wait(10)
        #expect(wait.kind == .unknown && wait.deadEnd == .external && wait.description.contains("nas"))
    }

    // MARK: FUSE on kernels that do not say which connection a descriptor serves

    private func fuseReader() throws {
        try tree.thread(10, channel: "request_wait_answer", call: call(0, 3))
        try tree.descriptor(10, 3, "/mnt/file")
        try tree.write("10/task/10/fdinfo/3", "pos:\t0\nflags:\t0100000\nmnt_id:\t42\n")
        try mounts(10, "42 15 0:60 / /mnt rw - fuse.sshfs host: rw")
    }

    @Test func theOnlyDaemonIsInferred() throws {
        try fuseReader()
        try tree.thread(20, comm: "sshfs", channel: "hrtimer_nanosleep", call: call(35))
        try tree.descriptor(20, 4, "/dev/fuse", flags: "02")
        let wait = try tree.wait(10)
        #expect(wait.kind == .fuse && wait.resource?.name == "fuse:0:60")
        #expect(wait.partyPIDs == [20] && wait.release.parties.map(\.certainty) == [.inferred])
    }

    @Test func severalDaemonsArePossible() throws {
        try fuseReader()
        for pid: Int32 in [20, 21] {
            try tree.thread(pid, channel: "fuse_dev_do_read", call: call(0, 4))
            try tree.descriptor(pid, 4, "/dev/fuse", flags: "02")
        }
        let wait = try tree.wait(10)
        #expect(wait.partyPIDs == [20, 21] && wait.release.parties.allSatisfy { $0.certainty == .possible })
        #expect(try tree.wait(20).deadEnd == .idle && !tree.wait(20).isDemand)
    }

    @Test func theConnectionNamesTheDaemon() throws {
        try fuseReader()
        for (pid, connection): (Int32, Int) in [(20, 60), (21, 61)] {
            try tree.thread(pid, channel: "fuse_dev_do_read", call: call(0, 4))
            try tree.descriptor(pid, 4, "/dev/fuse", flags: "02", extra: "fuse_connection:\t\(connection)\n")
        }
        let wait = try tree.wait(10)
        #expect(wait.partyPIDs == [20] && wait.release.parties.map(\.certainty) == [.certain])
    }

    @Test func virtiofsHasNoDaemonHere() throws {
        try fuseReader()
        try mounts(10, "42 15 0:60 / /mnt rw - virtiofs share rw")
        let wait = try tree.wait(10)
        #expect(wait.kind == .fuse && wait.deadEnd == .external && wait.partyPIDs.isEmpty)
    }

    // MARK: Frozen file systems, faults, without the kernel stack

    @Test func aFrozenFileSystemByCallAlone() throws {
        try tree.thread(10, state: "D", channel: "percpu_rwsem_wait", call: call(1, 3))
        try tree.descriptor(10, 3, "/img/file")
        try tree.write("10/task/10/fdinfo/3", "pos:\t0\nflags:\t0100002\nmnt_id:\t45\n")
        try mounts(10, "45 15 7:1 / /img rw - ext4 /dev/loop1 rw")
        let wait = try tree.wait(10)
        #expect(wait.kind == .filesystemFrozen && wait.deadEnd == .filesystemFrozen && wait.partyPIDs.isEmpty)
    }

    @Test func aControlGroupIsNotFrozenThatWay() throws {
        try tree.thread(10, state: "D", channel: "percpu_rwsem_wait", call: call(1, 3))
        try tree.descriptor(10, 3, "/sys/fs/cgroup/a/cgroup.procs")
        try tree.write("10/task/10/fdinfo/3", "pos:\t0\nflags:\t0100001\nmnt_id:\t46\n")
        try mounts(10, "46 15 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw")
        #expect(try tree.wait(10).kind != .filesystemFrozen)
    }

    @Test func aFaultWithinAFutexCallIsNoFutexWait() throws {
        try tree.thread(10, channel: "handle_userfault", call: call(202, 0x7000_0000, 0x80, 2))
        try tree.thread(20, comm: "pager", channel: "hrtimer_nanosleep", call: call(35))
        try tree.descriptor(20, 4, "anon_inode:[userfaultfd]", flags: "02", extra: "pending:\t0\ntotal:\t1\nAPI:\taa:0:ff\n")
        try tree.thread(21, comm: "other", channel: "hrtimer_nanosleep", call: call(35))
        try tree.descriptor(21, 4, "anon_inode:[userfaultfd]", flags: "02", extra: "pending:\t0\ntotal:\t0\nAPI:\taa:0:ff\n")
        let wait = try tree.wait(10)
        #expect(wait.kind == .pageFault && wait.partyPIDs == [20])
    }

    @Test func aThreadThatWaitsForSwap() throws {
        try tree.thread(
            10, state: "D", channel: "folio_wait_bit_common", call: "-1 0x7ffd00001000 0x7f0000001234",
            stack: ["folio_wait_bit_common", "do_swap_page", "handle_mm_fault", "exc_page_fault"])
        #expect(try tree.wait(10).kind == .pageFault)
    }

    @Test func aKernelThreadThatWaitsForItsDiskIsNotAtRest() throws {
        try tree.thread(10, comm: "jbd2/sda1-8", state: "D", channel: "jbd2_journal_commit_transaction", call: nil, flags: 0x208040)
        #expect(try tree.wait(10).kind == .diskIO)
        try tree.thread(11, comm: "kworker/0:1", state: "I", channel: "worker_thread", call: nil, flags: 0x208040)
        #expect(try tree.wait(11).kind == .kernelWorker)
    }

    // MARK: Inode locks

    @Test func threadsOnOneOpenFileTakeTurns() throws {
        try tree.thread(10, state: "D", channel: "fdget_pos", call: call(217, 4))
        try tree.descriptor(10, 4, "/data/dir")
        try tree.thread(10, 11, comm: "lister", channel: "folio_wait_bit_common", call: call(217, 4))
        let wait = try tree.wait(10)
        #expect(wait.kind == .inodeLock && wait.resource?.name == "file-position:/data/dir")
    }

    @Test func anInodeLockWithoutACandidateNamesNobody() throws {
        try tree.thread(10, state: "D", channel: "path_openat", call: call(257, 0xffff_ff9c, 0x1000))
        let wait = try tree.wait(10)
        #expect(wait.kind == .inodeLock && wait.partyPIDs.isEmpty && wait.isDemand)
    }
}
