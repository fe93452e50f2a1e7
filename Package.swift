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
    fixtures: Bool = false, resources: [Resource] = []
) -> [Target] {
    [
        .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: settings),
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
        name: "CLibAV", pkgConfig: "libavformat",
        providers: [.apt(["libavformat-dev", "libavcodec-dev", "libavutil-dev"]), .brew(["ffmpeg"])]),
    .systemLibrary(
        name: "CSoxr", pkgConfig: "soxr", providers: [.apt(["libsoxr-dev"]), .brew(["libsoxr"])]),
    .target(name: "CMynahKernels"),
    .testTarget(
        name: "CMynahKernelsTests", dependencies: ["CMynahKernels"], swiftSettings: settings),
    .target(name: "SpeechTesting", dependencies: ["Checkpoints", "SpeechCore"], swiftSettings: settings),
    .executableTarget(
        name: "MynahCLI",
        dependencies: [
            "Mynah", "Qwen3TTS", "ModelHub", "SpeechCore", "Checkpoints", "TensorGraph", "AudioDSP",
            "CMynahKernels",
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
        ],
        swiftSettings: settings),
    .testTarget(
        name: "MynahCLITests", dependencies: ["MynahCLI", "Mynah", "AudioDSP", "SpeechCore"],
        swiftSettings: settings),
]
targets += module("SpeechCore")
targets += module("Checkpoints", fixtures: true)
targets += module("TensorGraph", ["CGGML", "CMynahKernels", "Checkpoints"], testing: ["Checkpoints"])
targets += module("NeuralLayers", ["TensorGraph", "SpeechCore", "Checkpoints"])
targets += module("AudioDSP", ["SpeechCore", "CLibAV", "CSoxr"], fixtures: true)
targets += module("TextProcessing", ["SpeechCore"])
targets += module("ModelHub", ["SpeechCore"])
targets += module("Qwen3TTS", family, testing: ["Mynah"])
targets += module("VibeVoice", family)
targets += module(
    "Mynah", ["Qwen3TTS", "VibeVoice", "ModelHub", "CMynahKernels"] + family,
    testing: ["AudioDSP", "Checkpoints", "TensorGraph"],
    resources: [.copy("Resources/bundled-voice")])

let package = Package(
    name: "mynah",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Mynah", targets: ["Mynah"]),
        .executable(name: "mynah", targets: ["MynahCLI"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
    ],
    targets: targets,
    swiftLanguageModes: [.v6],
    cLanguageStandard: .c11
)
