import Profiles
import Testing

@Suite struct NormalisedResourceTests {
    @Test(
        arguments: [
            ("pipe:[123]", "pipe"), ("sysv-msg:151273", "sysv-msg"), ("futex:312:0x7f00", "futex"), ("futex:file:8:1:42+64", "futex"),
            ("unix:/run/agentx.sock", "unix:/run/agentx.sock"), ("unix:@abstract", "unix:@abstract"), ("unix:[4711]", "unix"),
            ("fifo:/tmp/run.4711/log", "fifo:/tmp/run.#/log"), ("unix:/run/user/1000/bus", "unix:/run/user/#/bus"),
            ("lock:/dev/sda1", "lock:/dev/sda1"), ("tcp:10.0.0.1:80", "tcp"), ("stdin", "stdin"), ("", ""), (":", ""),
            ("unix:/a/12", "unix:/a/12"),
        ] as [(String, String)]) func normalised(_ row: (resource: String, normal: String))
    {
        #expect(normalisedResource(row.resource) == row.normal)
    }
}
