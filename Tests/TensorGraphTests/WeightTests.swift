import Checkpoints
import TensorGraph
import Testing

@Suite struct WeightTests {
    private func loader(_ tensors: [TestTensor], _ precision: Precision = .exact) throws -> WeightLoader {
        try WeightLoader(stored(tensors), on: Device(.cpu, threads: 1), precision: precision)
    }

    private let pair = [
        TestTensor("a.weight", [2, 3], [1, 2, 3, 4, 5, 6]), TestTensor("b.scale", [4], [1, 2, 3, 4]),
    ]

    @Test func `a name the checkpoint lacks is missing, with the shape that was wanted`() throws {
        let loader = try loader(pair)
        #expect(throws: LoadError.missing(path: "a.bias", shape: [2])) {
            try loader.weights["a"].vector("bias", 2)
        }
    }

    @Test func `another shape is refused with both shapes`() throws {
        let loader = try loader(pair)
        #expect(throws: LoadError.wrongShape(path: "a.weight", expected: [3, 2], found: [2, 3])) {
            try loader.weights["a"].matrix("weight", [3, 2])
        }
    }

    @Test func `what nobody claims fails the load, and what is ignored does not`() throws {
        let first = try loader(pair)
        _ = try first.weights["a"].matrix("weight", [2, 3])
        #expect(throws: LoadError.unclaimed(paths: ["b.scale"])) { try first.finish() }
        let second = try loader(pair)
        _ = try second.weights["a"].matrix("weight", [2, 3])
        second.weights["b"].ignore()
        try second.finish()
    }

    @Test func `ignoring a path leaves names that only begin alike`() throws {
        let loader = try loader([TestTensor("part.x", [1], [1]), TestTensor("partner.x", [1], [1])])
        loader.weights["part"].ignore()
        #expect(throws: LoadError.unclaimed(paths: ["partner.x"])) { try loader.finish() }
        #expect(loader.weights["part"].exists && !loader.weights["par"].exists)
    }

    @Test func `two tensors of one name are refused`() throws {
        let tensors = try stored(pair) + stored([pair[1]])
        #expect(throws: LoadError.duplicate(path: "b.scale")) {
            try WeightLoader(tensors, on: Device(.cpu, threads: 1), precision: .exact)
        }
    }

    @Test func `integers are no weights`() throws {
        let tensors = try stored {
            try SafetensorsWriter.write(
                [TensorSource("ids", .i32, [2], bytes: [UInt8](repeating: 0, count: 8))], to: $0)
        }
        let loader = try WeightLoader(tensors, on: Device(.cpu, threads: 1), precision: .exact)
        #expect(throws: LoadError.notNumbers(path: "ids", type: .i32)) { try loader.weights.vector("ids", 2) }
    }

    @Test func `a model larger than the memory is refused before any is taken`() throws {
        let loader = try loader(pair)
        _ = try loader.weights["a"].matrix("weight", [2, 3])
        _ = try loader.weights["b"].vector("scale", 4)
        let (mapped, made) = loader.prediction
        #expect(mapped + made == 40)
        #expect(throws: LoadError.doesNotFit(need: 140, available: 139)) {
            try loader.finish(reserve: 100, available: 139)
        }
        try loader.finish(reserve: 100, available: 140)
    }

    @Test func `weights quantised in the file cannot become another block type`() throws {
        let values = [Float](repeating: 0.5, count: 256)
        let bytes = [UInt8](repeating: 0, count: ElementType.q8_0.byteCount([1, 256]) ?? 0)
        let tensors = try stored {
            try GGUFWriter().write([TensorSource("weight", .q8_0, [1, 256], bytes: bytes)], to: $0)
        }
        #expect(tensors[0].shape.reduce(1, *) == values.count)
        func claim(_ type: ElementType?) throws {
            let loader = try WeightLoader(tensors, on: Device(.cpu, threads: 1), precision: Precision(type))
            _ = try loader.weights.matrix("weight", [1, 256])
            try loader.finish()
        }
        #expect(throws: LoadError.alreadyQuantised(path: "weight", stored: .q8_0, asked: .q4_k)) {
            try claim(.q4_k)
        }
        try claim(nil)
        try claim(.q8_0)
        try claim(.f32)
    }

    @Test func `each claim records what its tensor is for`() throws {
        let loader = try loader(pair)
        _ = try loader.weights["a"].matrix("weight", [2, 3], role: .head)
        _ = try loader.weights["b"].vector("scale", 4)
        #expect(loader.roles == ["a.weight": .head, "b.scale": .vector])
    }

    @Test func `a table gives its rows, and adds them`() throws {
        let loader = try loader(pair)
        let table = try loader.weights["a"].table("weight", 2, 3)
        var row: [Float] = [0, 0, 0]
        row.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            table.read(1, into: base)
            table.add(0, to: base)
        }
        #expect(row == [5, 7, 9])
    }

    // MARK: precision

    @Test func `only the projections of layers are rounded as far as asked`() {
        let precision = Precision(.q4_k)
        func type(_ role: WeightRole, _ stored: ElementType = .bf16) -> ElementType {
            precision.type(for: role, stored: stored, shape: [512, 512])
        }
        #expect(type(.matrix) == .q4_k)
        #expect(type(.head) == .q8_0)
        #expect(type(.embedding) == .bf16)
        #expect(type(.embedding, .f32) == .bf16)
        #expect(type(.codecMatrix) == .bf16)
        #expect(type(.connector) == .bf16)
        #expect(type(.diffusion) == .q8_0)
        #expect(type(.codecFeedForward) == .q8_0)
        for role in [WeightRole.encoder, .convolution, .codebook, .vector] { #expect(type(role) == .f32) }
    }

    @Test func `one role can be rounded by itself, as far as asked`() {
        let precision = Precision(.q4_0, only: .diffusion)
        func type(_ role: WeightRole) -> ElementType {
            precision.type(for: role, stored: .bf16, shape: [64, 64])
        }
        #expect(type(.diffusion) == .q4_0)
        for role in WeightRole.allCases where role != .diffusion { #expect(type(role) == .f32, "\(role)") }
        #expect(!precision.isExact && precision.isExact(for: .convolution))
    }

    @Test func `a row that is not whole blocks falls back to a finer type`() {
        func type(_ asked: ElementType, width: Int) -> ElementType {
            Precision(asked).type(for: .matrix, stored: .f32, shape: [8, width])
        }
        #expect(type(.q4_k, width: 256) == .q4_k)
        #expect(type(.q4_k, width: 96) == .q8_0)
        #expect(type(.q4_0, width: 48) == .bf16)
        #expect(type(.q8_0, width: 32) == .q8_0)
    }

    @Test func `as stored keeps every type, and exact makes all float32`() {
        for role in [WeightRole.matrix, .head, .embedding, .codecMatrix, .codecFeedForward] {
            #expect(Precision.stored.type(for: role, stored: .bf16, shape: [4, 32]) == .bf16)
            #expect(Precision.exact.type(for: role, stored: .q8_0, shape: [4, 32]) == .f32)
        }
        #expect(Precision.stored.type(for: .encoder, stored: .bf16, shape: [4, 32]) == .f32)
    }

    @Test func `a converted file keeps the codec and what nobody claims as it was`() {
        let precision = Precision(.q4_k)
        func type(_ role: WeightRole?) -> ElementType {
            precision.fileType(for: role, stored: .bf16, shape: [256, 256])
        }
        #expect(type(.matrix) == .q4_k)
        #expect(type(.codecMatrix) == .bf16)
        #expect(type(.convolution) == .bf16)
        #expect(type(.diffusion) == .q8_0)
        #expect(type(nil) == .bf16)
    }

    // MARK: conversion

    @Test(arguments: [
        (ElementType.f16, 1e-3), (.bf16, 8e-3), (.q8_0, 8e-3), (.q6_k, 0.04), (.q5_k, 0.07), (.q4_k, 0.14),
    ])
    func `a tensor streamed as a type is the tensor within its rounding`(type: ElementType, bound: Double)
        throws
    {
        var noise = Noise(9)
        let values = noise.values(300, 512)
        let tensor = try stored([TestTensor("x", [300, 512], values)])[0]
        var bytes: [UInt8] = []
        Conversion.stream(tensor, to: type) { bytes += $0 }
        #expect(bytes.count == type.byteCount([300, 512]))
        let back = try stored {
            try GGUFWriter().write([TensorSource("x", type, [300, 512], bytes: bytes)], to: $0)
        }
        let measured = difference(Conversion.floats(back[0]), values)
        #expect(measured <= bound)
        #expect(measured > 0)
    }
}
