import Testing

@testable import ProcFS

/// Mounts, descriptors that serve other threads, and what the kernel log says about owners of locks.
@Suite struct FileWorldParserTests {
    private func parsed<T>(_ text: String, _ parse: (UnsafeRawBufferPointer) -> T) -> T { Array(text.utf8).withUnsafeBytes(parse) }

    @Test func mounts() throws {
        let text = """
            24 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw,discard
            31 24 0:41 /a\\040b /mnt/with\\040blank rw,nosuid - fuse.sshfs user@host:/ rw,user_id=0,group_id=0
            32 24 0:42 / /home rw - nfs4 server:/export rw,vers=4.2,addr=192.0.2.7,proto=tcp
            broken line
            33 24 7:1 / /img rw

            """
        let mounts = parsed(text) { Mount.table($0) }
        #expect(mounts.map(\.id) == [24, 31, 32])
        #expect(mounts[0].device == "254:0" && mounts[0].kernelDevice == 254 << 20)
        #expect(mounts[1].point == "/mnt/with blank" && mounts[1].root == "/a b" && mounts[1].type == "fuse.sshfs")
        #expect(mounts[2].option("addr") == "192.0.2.7" && mounts[2].option("proto") == "tcp" && mounts[2].option("add") == nil)
    }

    @Test func fuseConnection() {
        let details = parsed("pos:\t0\nflags:\t02100002\nmnt_id:\t8\nino:\t11\nfuse_connection:\t39\n") { DescriptorDetails($0) }
        #expect(details.fuseConnection == 39 && details.openFaults == nil)
    }

    @Test func userfaults() {
        let details = parsed("flags:\t02000002\npending:\t1\ntotal:\t3\nAPI:\taa:0:ff\n") { DescriptorDetails($0) }
        #expect(details.pendingFaults == 1 && details.openFaults == 3)
    }

    @Test func fanotifyMarks() throws {
        let text = """
            fanotify flags:4 event-flags:0
            fanotify ino:2b sdev:fe00000 mflags:0 mask:10000 ignored_mask:0 fhandle-bytes:8 fhandle-type:1 f_handle:2b
            fanotify mnt_id:1f mflags:0 mask:20 ignored_mask:0
            fanotify sdev:2a mflags:0 mask:40000 ignored_mask:0

            """
        let details = parsed(text) { DescriptorDetails($0) }
        #expect(details.answersPermission)
        #expect(
            details.fanotifyMarks.map(\.subject) == [
                .inode(0x2b, device: 0xfe00000), .mount(0x1f), .fileSystem(device: 0x2a),
            ])
        #expect(details.fanotifyMarks.map(\.asksForPermission) == [true, false, true])
        #expect(!parsed("fanotify flags:0 event-flags:0\n") { DescriptorDetails($0) }.answersPermission)
    }

    @Test(arguments: [
        ("INFO: task cat:115 is blocked on a mutex likely owned by task cat:114.", "cat", 115, "cat", 114, "mutex"),
        (
            "INFO: task victim:29018 <writer> blocked on an rw-semaphore likely owned by task holder:29016 <writer>", "victim", 29018,
            "holder", 29016,
            "rw-semaphore"
        ),
        ("INFO: task a b:7:9 blocked on a semaphore likely last held by task x: y:12", "a b:7", 9, "x: y", 12, "semaphore"),
        (
            "INFO: task likely owned by task :5 is blocked on a mutex likely owned by task kworker/1:66:4095.", "likely owned by task ", 5,
            "kworker/1:66", 4095, "mutex"
        ),
    ])
    func owners(_ text: String, _ waiter: String, _ waiterID: Int32, _ owner: String, _ ownerID: Int32, _ lock: String) throws {
        let report = try #require(parsed("3,1200,5381850590,-;\(text)\n SUBSYSTEM=x\n") { HungTaskReport(record: $0) })
        #expect(report.atMicroseconds == 5_381_850_590)
        #expect(report.lock == lock)
        #expect(report.owner == HungTaskReport.Task(name: owner, tid: ownerID))
        #expect(report.waiter.tid == waiterID && report.waiter.name.hasPrefix(waiter.prefix(4)))
    }

    @Test(arguments: [
        "INFO: task victim:29018 blocked for more than 3 seconds.", "INFO: task a:1 is blocked on a mutex, but the owner is not found.",
        "task a:1 is blocked on a mutex likely owned by task b:2.", "INFO: task a is blocked on a mutex likely owned by task b.", "",
    ])
    func otherSentences(_ text: String) { #expect(HungTaskReport(text: text, atMicroseconds: 0) == nil) }
}
