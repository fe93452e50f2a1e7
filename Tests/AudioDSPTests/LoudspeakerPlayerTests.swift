#if os(Linux)
    import AudioDSP
    import Foundation
    import Testing

    @Suite struct LoudspeakerPlayerTests {
        /// ALSA's device that swallows everything stands wherever ALSA does.
        static let hasALSA = LoudspeakerPlayer.devices().contains("null")

        @Test func `a device that is not there is an error that names it`() throws {
            #expect {
                _ = try LoudspeakerPlayer(sampleRate: 24_000, device: "nosuchdevice")
            } throws: { error in
                guard case .noDevice(let reason)? = error as? AudioFileError else { return false }
                return reason.contains(Self.hasALSA ? "nosuchdevice: " : "libasound")
            }
        }

        @Test(.enabled(if: hasALSA)) func `sound reaches the device whole`() throws {
            try withFolder { folder in
                // ALSA's file device writes down what it is given.
                let path = folder + "/played"
                let player = try LoudspeakerPlayer(sampleRate: 24_000, device: "file:'\(path)',raw")
                let samples = voiceLike(seconds: 0.6, rate: 24_000)
                try player.play(Array(samples[..<5000]))
                try player.play([])
                try player.play(Array(samples[5000...]))
                try player.finish()
                let written = [UInt8](try Data(contentsOf: URL(filePath: path)))
                #expect(written == samples.flatMap { little($0.bitPattern) })
            }
        }

        @Test(.enabled(if: hasALSA)) func `a cancelled task stops playing`() async {
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                try LoudspeakerPlayer(sampleRate: 24_000, device: "null").play([0, 0])
            }
            await #expect(throws: AudioFileError.cancelled) { try await task.value }
        }
    }
#endif
