// swift-tools-version: 6.1
import PackageDescription

// The house has one direction: a target imports only what stands above it in this list.
// `package` is the widest access outside `SpeechCore` and `Mynah`, so the public face stays small.
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

/// A target and its tests; `fixtures` when the tests keep a folder of that name, which they find beside themselves.
func module(
    _ name: String, _ dependencies: [Target.Dependency] = [], testing: [Target.Dependency] = [],
    fixtures: Bool = false, resources: [Resource] = [], linking: [LinkerSetting] = []
) -> [Target] {
    [
        .target(
            name: name, dependencies: dependencies, resources: resources, swiftSettings: settings,
            linkerSettings: linking),
        .testTarget(
            name: "\(name)Tests", dependencies: [.byName(name: name), "SpeechTesting"] + testing,
            exclude: fixtures ? ["Fixtures"] : [], swiftSettings: settings),
    ]
}

let family: [Target.Dependency] = [
    "SpeechCore", "Checkpoints", "TensorGraph", "NeuralLayers", "AudioDSP", "TextProcessing",
]

var targets: [Target] = [
    .systemLibrary(name: "CGGML", pkgConfig: "ggml", providers: [.brew(["ggml"])]),
    .systemLibrary(
        name: "CLibAV", pkgConfig: "libavfilter",
        providers: [
            .apt(["libavfilter-dev", "libavformat-dev", "libavcodec-dev", "libavutil-dev"]),
            .brew(["ffmpeg"]),
        ]),
    .systemLibrary(
        name: "CSoxr", pkgConfig: "soxr", providers: [.apt(["libsoxr-dev"]), .brew(["libsoxr"])]),
    .target(name: "CMynahKernels"),
    .target(name: "CWorker"),
    .testTarget(
        name: "CMynahKernelsTests", dependencies: ["CMynahKernels"], swiftSettings: settings),
    .target(name: "SpeechTesting", dependencies: ["Checkpoints", "SpeechCore"], swiftSettings: settings),
    .executableTarget(
        name: "MynahCLI",
        dependencies: [
            "Mynah", "MynahServer", "Qwen3TTS", "ModelHub", "SpeechCore", "Checkpoints", "TensorGraph",
            "AudioDSP",
            "CMynahKernels",
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
        ],
        swiftSettings: settings),
    .testTarget(
        name: "MynahCLITests",
        dependencies: ["MynahCLI", "Mynah", "AudioDSP", "Checkpoints", "SpeechCore", "SpeechTesting"],
        swiftSettings: settings),
]
targets += module("SpeechCore")
targets += module("Checkpoints", ["SpeechCore"], fixtures: true)
// ggml's own pkg-config file names the upper of its two libraries only.
targets += module(
    "TensorGraph", ["CGGML", "CMynahKernels", "Checkpoints"], testing: ["Checkpoints"],
    linking: [.linkedLibrary("ggml-base")])
targets += module("NeuralLayers", ["TensorGraph", "SpeechCore", "Checkpoints"])
targets += module("AudioDSP", ["SpeechCore", "CLibAV", "CSoxr"], fixtures: true)
targets += module("TextProcessing", ["SpeechCore"])
targets += module("ModelHub", ["SpeechCore"])
// What accelerators compute; skipped where ggml offers none.
targets.append(
    .testTarget(
        name: "AcceleratorTests", dependencies: ["Qwen3TTS", "VibeVoice", "SpeechTesting"] + family,
        swiftSettings: settings))
targets += module("Qwen3TTS", family, testing: ["Mynah"])
targets += module("VibeVoice", family)
targets += module(
    "Mynah", ["Qwen3TTS", "VibeVoice", "ModelHub", "CMynahKernels"] + family,
    testing: ["AudioDSP", "Checkpoints", "TensorGraph"],
    resources: [.copy("Resources/bundled-voice")])

targets += module(
    "MynahServer",
    [
        "Mynah", "SpeechCore", "ModelHub", "CWorker",
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
        .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "CoreMetrics", package: "swift-metrics"),
        .product(name: "Metrics", package: "swift-metrics"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "Configuration", package: "swift-configuration"),
    ],
    testing: [
        "Mynah", "SpeechCore", "MynahCLI", "CWorker",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
    ],
    resources: [.embedInCode("Page/Files")])

let package = Package(
    name: "mynah",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Mynah", targets: ["Mynah"]),
        .executable(name: "mynah", targets: ["MynahCLI"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
    ],
    targets: targets,
    swiftLanguageModes: [.v6],
    cLanguageStandard: .c11
)
