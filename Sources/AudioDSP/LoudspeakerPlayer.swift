#if os(Linux)
    /// Plays mono sound through ALSA as it is made. Not `Sendable`: one task plays.
    package final class LoudspeakerPlayer {
        private let alsa: ALSA
        private var handle: ALSA.Handle?

        /// Opens a device, by its ALSA name, for sound at `sampleRate`; ALSA resamples where the device must.
        package init(sampleRate: Int, device: String = "default") throws(AudioFileError) {
            guard AudioFile.sampleRates.contains(sampleRate) else { throw .unsupportedRate(sampleRate) }
            alsa = try ALSA.loaded.get()
            let playback: Int32 = 0
            let opened = alsa.open(&handle, device, playback, 0)
            guard opened >= 0, let handle else {
                throw .noDevice(reason: "\(device): \(alsa.reason(opened))")
            }
            // A fifth of a second in the device: enough that a busy machine does not stutter.
            let status = alsa.setParameters(
                handle, ALSA.float, ALSA.interleaved, 1, UInt32(sampleRate), 1, 200_000)
            guard status >= 0 else { throw .noDevice(reason: "\(device): \(alsa.reason(status))") }
        }

        /// Stops at once what is still sounding.
        deinit {
            if let handle { _ = alsa.close(handle) }
        }

        /// Hands samples to the device, waiting while it is full. Ends between pieces of a tenth of a second or so
        /// when the task is cancelled.
        package func play(_ samples: [Float]) throws(AudioFileError) {
            guard let handle else { preconditionFailure("nothing is played after the end") }
            var start = 0
            while start < samples.count {
                guard !Task.isCancelled else { throw .cancelled }
                let count = min(2048, samples.count - start)
                let written = samples[start..<start + count].withUnsafeBytes { bytes in
                    bytes.baseAddress.map { alsa.write(handle, $0, UInt(count)) } ?? 0
                }
                if written >= 0 {
                    start += written
                } else {
                    // An underrun, or a machine that slept: both are recovered from and the piece played again.
                    let status = alsa.recover(handle, Int32(written), 1)
                    guard status >= 0 else { throw .playback(reason: alsa.reason(status)) }
                }
            }
        }

        /// Waits until everything has sounded, and lets go of the device.
        package func finish() throws(AudioFileError) {
            guard let handle else { return }
            let status = alsa.drain(handle)
            _ = alsa.close(handle)
            self.handle = nil
            guard status >= 0 else { throw .playback(reason: alsa.reason(status)) }
        }

        /// ALSA's names of what can play; none where there is no ALSA.
        package static func devices() -> [String] { (try? ALSA.loaded.get())?.devices() ?? [] }
    }
#else
    /// Plays mono sound as it is made; on this system it cannot yet, and says so.
    package final class LoudspeakerPlayer {
        /// Throws `noDevice`.
        package init(sampleRate: Int, device: String = "default") throws(AudioFileError) {
            throw .noDevice(reason: "playing is supported on Linux only; write a file and play that")
        }

        /// Plays nothing.
        package func play(_ samples: [Float]) throws(AudioFileError) {}

        /// Waits for nothing.
        package func finish() throws(AudioFileError) {}

        /// None.
        package static func devices() -> [String] { [] }
    }
#endif
