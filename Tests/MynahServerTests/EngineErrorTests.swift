import MynahServer
import Testing

@Suite struct EngineErrorTests {
    @Test func `two refusals of one model are the same only for the same reason`() {
        #expect(EngineError.busy("m", retryAfter: 1) != .busy("m", retryAfter: 2))
    }
}
