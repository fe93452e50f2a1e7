import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// The page at `/`, and the files it is made of. They stand in the program itself, so that nothing has to be found.
package struct Page: Sendable {
    /// A file of the page.
    package struct File: Sendable {
        package let name: String
        package let bytes: [UInt8]
        /// Changes when the bytes do.
        let tag: String

        init(_ name: String, _ bytes: [UInt8]) {
            self.name = name
            self.bytes = bytes
            tag = "\"" + String(Self.digest(bytes), radix: 16) + "\""
        }

        /// FNV-1a: it need only tell one version of a file from the next.
        private static func digest(_ bytes: [UInt8]) -> UInt64 {
            bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        }

        package var mediaType: String {
            switch name.split(separator: ".").last {
            case "html": "text/html; charset=utf-8"
            case "css": "text/css; charset=utf-8"
            case "js": "text/javascript; charset=utf-8"
            default: "image/svg+xml"
            }
        }
    }

    /// What a browser may load for the page: its own files, and recordings that the reader chose. Nothing from another
    /// host, and nothing that stands in the page itself.
    package static let policy = """
        default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
        media-src 'self' blob:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'
        """

    package static let index = File("index.html", PackageResources.index_html)
    package static let files = [
        File("app.js", PackageResources.app_js),
        File("api.js", PackageResources.api_js),
        File("base.css", PackageResources.base_css),
        File("mynah.svg", PackageResources.mynah_svg),
        File("page.js", PackageResources.page_js),
        File("parts.css", PackageResources.parts_css),
        File("player.js", PackageResources.player_js),
        File("player-worklet.js", PackageResources.player_worklet_js),
        File("speak.js", PackageResources.speak_js),
        File("subtitles.js", PackageResources.subtitles_js),
        File("transcribe.js", PackageResources.transcribe_js),
        File("voices.js", PackageResources.voices_js),
        File("waveform.js", PackageResources.waveform_js),
    ]

    /// The file at a path; nil when the page has none there.
    package static func file(at path: String) -> File? {
        path == "/" ? index : files.first { path == "/page/\($0.name)" }
    }

    /// A file as the answer to a request; without its bytes where the browser has them already.
    static func response(_ file: File, to request: Request) -> Response {
        var headers: HTTPFields = [
            .contentType: file.mediaType,
            .contentSecurityPolicy: policy,
            .cacheControl: "no-cache",
            .eTag: file.tag,
        ]
        for (name, value) in [
            ("referrer-policy", "no-referrer"),
            ("permissions-policy", "microphone=(self), camera=(), geolocation=()"),
        ] {
            if let name = HTTPField.Name(name) { headers[name] = value }
        }
        guard request.headers[.ifNoneMatch] != file.tag else {
            return Response(status: .notModified, headers: headers)
        }
        return Response(
            status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: file.bytes)))
    }
}
