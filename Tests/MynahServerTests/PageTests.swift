import Foundation
import MynahServer
import Testing

@Suite struct PageTests {
    private static let all = [Page.index] + Page.files

    private func text(_ file: Page.File) -> String { String(decoding: file.bytes, as: UTF8.self) }

    @Test func `every file of the folder is served, under its own name`() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Sources/MynahServer/Page/Files")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(names.sorted() == Self.all.map(\.name).sorted())
        for file in Self.all {
            #expect(try Data(contentsOf: folder.appending(path: file.name)) == Data(file.bytes))
        }
        #expect(Page.file(at: "/")?.name == "index.html")
        #expect(Page.file(at: "/page/app.js")?.mediaType.hasPrefix("text/javascript") == true)
        #expect(Page.file(at: "/page/../Page.swift") == nil && Page.file(at: "/page/") == nil)
    }

    @Test func `whatever a file asks for is a file of the page`() {
        let wanted = /(?:href="|src="|from '|addModule\(')(\.?\/[^"']*)["']/
        var found = 0
        for file in Self.all {
            for match in text(file).matches(of: wanted) {
                let path = match.1.hasPrefix("./") ? "/page" + match.1.dropFirst() : String(match.1)
                #expect(Page.file(at: path) != nil, "\(file.name) asks for \(path)")
                found += 1
            }
        }
        #expect(found > 15)
    }

    @Test func `nothing is asked of another host, and nothing stands where the policy forbids it`() {
        for file in Self.all {
            let addresses = text(file).replacing("http://www.w3.org/2000/svg", with: "")
            #expect(!addresses.contains("://"), "\(file.name)")
        }
        let html = text(Page.index)
        #expect(!html.contains("<style") && !html.contains("style=\"") && !html.contains(#/ on[a-z]+=/#))
        #expect(html.matches(of: /<script/).count == html.matches(of: /<script type="module" src=/).count)
        #expect(Page.policy.hasPrefix("default-src 'none';") && !Page.policy.contains("unsafe"))
    }

    @Test func `every field has a label`() {
        let html = text(Page.index)
        for match in html.matches(of: /<(?:input|select|textarea)[^>]*?\bid="([^"]+)"[^>]*>/) {
            let isNamed = html.contains("for=\"\(match.1)\"") || match.0.contains("aria-label=")
            #expect(isNamed, "\(match.1)")
        }
    }
}
