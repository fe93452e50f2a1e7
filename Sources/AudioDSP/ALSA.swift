#if os(Linux)
    import Foundation

    /// What we use of libasound, found when it is needed: a program that never plays runs without it.
    struct ALSA: Sendable {
        typealias Handle = UnsafeMutableRawPointer
        typealias Hints = UnsafeMutablePointer<UnsafeMutableRawPointer?>

        let open:
            @Sendable @convention(c) (UnsafeMutablePointer<Handle?>, UnsafePointer<CChar>, Int32, Int32) ->
                Int32
        let setParameters:
            @Sendable @convention(c) (Handle, Int32, Int32, UInt32, UInt32, Int32, UInt32) -> Int32
        let write: @Sendable @convention(c) (Handle, UnsafeRawPointer, UInt) -> Int
        let recover: @Sendable @convention(c) (Handle, Int32, Int32) -> Int32
        let drain: @Sendable @convention(c) (Handle) -> Int32
        let close: @Sendable @convention(c) (Handle) -> Int32
        private let message: @Sendable @convention(c) (Int32) -> UnsafePointer<CChar>?
        private let listHints:
            @Sendable @convention(c) (Int32, UnsafePointer<CChar>, UnsafeMutablePointer<Hints?>) -> Int32
        private let hint:
            @Sendable @convention(c) (UnsafeRawPointer, UnsafePointer<CChar>) -> UnsafeMutablePointer<CChar>?
        private let freeHints: @Sendable @convention(c) (Hints) -> Int32

        /// `SND_PCM_FORMAT_FLOAT`, interleaved, resampled by ALSA where the device lacks the rate.
        static var float: Int32 { 1.bigEndian == 1 ? 15 : 14 }
        static let interleaved: Int32 = 3

        /// The library, or why there is none.
        static let loaded: Result<ALSA, AudioFileError> = {
            guard let library = dlopen("libasound.so.2", RTLD_NOW) else {
                let reason = dlerror().map { String(cString: $0) } ?? "libasound.so.2 cannot be loaded"
                return .failure(.noDevice(reason: reason))
            }
            guard let alsa = ALSA(library) else {
                return .failure(.noDevice(reason: "libasound.so.2 lacks a function"))
            }
            return .success(alsa)
        }()

        private init?(_ library: UnsafeMutableRawPointer) {
            guard let open = dlsym(library, "snd_pcm_open"),
                let setParameters = dlsym(library, "snd_pcm_set_params"),
                let write = dlsym(library, "snd_pcm_writei"), let recover = dlsym(library, "snd_pcm_recover"),
                let drain = dlsym(library, "snd_pcm_drain"), let close = dlsym(library, "snd_pcm_close"),
                let message = dlsym(library, "snd_strerror"),
                let listHints = dlsym(library, "snd_device_name_hint"),
                let hint = dlsym(library, "snd_device_name_get_hint"),
                let freeHints = dlsym(library, "snd_device_name_free_hint"),
                let setHandler = dlsym(library, "snd_lib_error_set_handler")
            else { return nil }
            self.open = unsafeBitCast(open, to: type(of: self.open))
            self.setParameters = unsafeBitCast(setParameters, to: type(of: self.setParameters))
            self.write = unsafeBitCast(write, to: type(of: self.write))
            self.recover = unsafeBitCast(recover, to: type(of: self.recover))
            self.drain = unsafeBitCast(drain, to: type(of: self.drain))
            self.close = unsafeBitCast(close, to: type(of: self.close))
            self.message = unsafeBitCast(message, to: type(of: self.message))
            self.listHints = unsafeBitCast(listHints, to: type(of: self.listHints))
            self.hint = unsafeBitCast(hint, to: type(of: self.hint))
            self.freeHints = unsafeBitCast(freeHints, to: type(of: self.freeHints))
            // Its complaints go to stderr otherwise. The handler is variadic; one that reads no argument fits any.
            typealias Quiet = @convention(c) () -> Void
            let set = unsafeBitCast(setHandler, to: (@convention(c) (Quiet) -> Int32).self)
            _ = set({})
        }

        /// ALSA's words for one of its negative results.
        func reason(_ status: Int32) -> String {
            message(status).map { String(cString: $0) } ?? "ALSA error \(status)"
        }

        /// Names of what can play.
        func devices() -> [String] {
            var hints: Hints?
            guard listHints(-1, "pcm", &hints) == 0, let hints else { return [] }
            defer { _ = freeHints(hints) }
            var names: [String] = []
            var next = hints
            while let entry = next.pointee {
                // A missing direction means both.
                if let name = text(entry, "NAME"), text(entry, "IOID") ?? "Output" == "Output" {
                    names.append(name)
                }
                next += 1
            }
            return names
        }

        private func text(_ entry: UnsafeRawPointer, _ key: String) -> String? {
            guard let value = hint(entry, key) else { return nil }
            defer { free(value) }
            return String(cString: value)
        }
    }
#endif
