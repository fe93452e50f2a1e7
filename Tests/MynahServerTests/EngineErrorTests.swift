import MynahServer
import SpeechCore
import Testing

@Suite struct EngineErrorTests {
    @Test func `two refusals of one model are the same only for the same reason`() {
        #expect(EngineError.busy("m", retryAfter: 1) != .busy("m", retryAfter: 2))
    }

    @Test(arguments: [SpeechError.Code.notEnoughMemory, .cancelled])
    func `what may go well later says when, and what may not is no matter of time`(code: SpeechError.Code) {
        let told = APIError(SpeechError(code, "No.", remedy: "Yes."))
        #expect((told.retryAfter != nil) == (code == .cancelled))
    }
}
