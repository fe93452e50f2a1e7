import TextProcessing

/// An index into one vocabulary; text and codec ids are both small integers and must not be mistaken.
struct TokenID<Vocabulary>: Hashable, Sendable {
    let index: Int32
    init(_ index: Int32) { self.index = index }
}

/// The rows of `text_embedding`.
enum TextVocabulary {}
/// The rows of the talker's `codec_embedding`.
enum CodecVocabulary {}

typealias TextToken = TokenID<TextVocabulary>
typealias CodecToken = TokenID<CodecVocabulary>

/// One row given to the talker: the projected text token, plus what the codec side adds.
struct PromptRow: Equatable, Sendable {
    let text: TextToken
    let codec: CodecPart

    /// What is added to the projected text.
    enum CodecPart: Equatable, Sendable {
        case none
        case token(CodecToken)
        /// The speaker vector.
        case speaker
        /// All codes of this frame of the reference.
        case frame(Int)
    }
}

/// What the talker reads before it speaks, and the text it is given as it does.
struct Prompt: Equatable, Sendable {
    var rows: [PromptRow] = []
    /// One for each generated frame; `tts_pad` after the last.
    var trailing: [TextToken] = []
}

/// What is to be said, in the model's own terms.
struct PromptRequest: Sendable {
    var text: String
    /// Lower-case name, or `auto`.
    var language = "auto"
    var instruction = ""
    var speaker = Speaker.none
    var reference: Reference?
    /// Whether the prompt carries the text whole, or a token a frame.
    var wholeText = false

    enum Speaker: Equatable, Sendable {
        case none
        case preset(String)
        case vector
    }

    /// A recording to continue in its voice.
    struct Reference: Sendable {
        let transcript: String
        let frames: Int
    }
}

/// Why a request cannot be put to the model.
enum PromptError: Error, Equatable {
    case emptyText
    case unknownLanguage(String, known: [String])
    case unknownSpeaker(String, known: [String])
}

/// Text and choices to rows, as upstream lays them out.
struct PromptBuilder: Sendable {
    private let config: Configuration
    private let tokenizer: BytePairTokenizer
    private let pad, begin, end: TextToken

    init(_ config: Configuration, _ tokenizer: BytePairTokenizer) {
        self.config = config
        self.tokenizer = tokenizer
        pad = TextToken(config.ttsPadTokenId)
        begin = TextToken(config.ttsBosTokenId)
        end = TextToken(config.ttsEosTokenId)
    }

    /// Languages a caller may name, `auto` first; dialects belong to speakers and are not among them.
    var languages: [String] {
        ["auto"] + config.talkerConfig.codecLanguageId.keys.filter { !$0.contains("dialect") }.sorted()
    }

    /// Names of the preset speakers.
    var speakers: [String] { config.talkerConfig.spkId.keys.sorted() }

    func prompt(for request: PromptRequest) throws(PromptError) -> Prompt {
        let text = request.text.trimmed
        guard !text.isEmpty else { throw .emptyText }
        let talker = config.talkerConfig
        let ids = assistant(text, closing: "<|im_end|>\n<|im_start|>assistant\n")
        var prompt = Prompt()
        if !request.instruction.isEmpty {
            prompt.rows += instructionTokens(request.instruction).map { PromptRow(text: $0, codec: .none) }
        }
        prompt.rows += ids.prefix(3).map { PromptRow(text: $0, codec: .none) }
        for tag in try tags(request) { prompt.rows.append(PromptRow(text: pad, codec: .token(tag))) }
        if request.speaker != .none { prompt.rows.append(PromptRow(text: pad, codec: .speaker)) }
        prompt.rows.append(PromptRow(text: begin, codec: .token(CodecToken(talker.codecPadId))))

        var body = Array(ids.dropFirst(3).dropLast(5))
        if let reference = request.reference {
            let transcript = assistant(reference.transcript.trimmed, closing: "<|im_end|>\n")
            body = transcript.dropFirst(3).dropLast(2) + body
            request.wholeText
                ? continueWhole(&prompt, body, reference.frames)
                : continueAligned(&prompt, body, reference.frames)
        } else if request.wholeText {
            speakWhole(&prompt, body)
        } else {
            prompt.rows.append(PromptRow(text: body[0], codec: start))
            prompt.trailing = body.dropFirst() + [end]
        }
        return prompt
    }

    /// Refuses a text that holds control tokens. Upstream takes them for its own.
    func checkPlain(_ text: String, _ name: String) throws { try tokenizer.checkPlain(text, name) }

    /// Text tokens that a text comes to, for budgets.
    func tokenCount(_ text: String) -> Int { tokenizer.encode(text).count }

    /// Ids of the three template strings, for parity.
    func ids(for request: PromptRequest) -> (text: [Int32], reference: [Int32], instruction: [Int32]) {
        let text = assistant(request.text.trimmed, closing: "<|im_end|>\n<|im_start|>assistant\n")
        let reference =
            request.reference.map { assistant($0.transcript.trimmed, closing: "<|im_end|>\n") } ?? []
        let instruction = request.instruction.isEmpty ? [] : instructionTokens(request.instruction)
        return (text.map(\.index), reference.map(\.index), instruction.map(\.index))
    }

    /// Text ids of any string.
    func encode(_ text: String) -> [Int32] { tokenizer.encode(text) }

    // MARK: body forms

    private var start: PromptRow.CodecPart { .token(CodecToken(config.talkerConfig.codecBosId)) }
    private var padding: PromptRow.CodecPart { .token(CodecToken(config.talkerConfig.codecPadId)) }

    private func speakWhole(_ prompt: inout Prompt, _ body: [TextToken]) {
        prompt.rows += (body + [end]).map { PromptRow(text: $0, codec: padding) }
        prompt.rows.append(PromptRow(text: pad, codec: start))
        prompt.trailing = [pad]
    }

    private func continueWhole(_ prompt: inout Prompt, _ body: [TextToken], _ frames: Int) {
        speakWhole(&prompt, body)
        prompt.rows += (0..<frames).map { PromptRow(text: pad, codec: .frame($0)) }
    }

    /// Text and reference frames side by side; whichever is longer goes on alone.
    private func continueAligned(_ prompt: inout Prompt, _ body: [TextToken], _ frames: Int) {
        let texts = body + [end]
        let codecs = [start] + (0..<frames).map { PromptRow.CodecPart.frame($0) }
        for (index, codec) in codecs.enumerated() {
            prompt.rows.append(PromptRow(text: index < texts.count ? texts[index] : pad, codec: codec))
        }
        prompt.trailing = texts.count > codecs.count ? Array(texts[codecs.count...]) : [pad]
    }

    // MARK: tags

    private func tags(_ request: PromptRequest) throws(PromptError) -> [CodecToken] {
        let talker = config.talkerConfig
        let (opening, closing) = (CodecToken(talker.codecThinkBosId), CodecToken(talker.codecThinkEosId))
        guard let tag = try languageTag(request) else {
            return [CodecToken(talker.codecNothinkId), opening, closing]
        }
        return [CodecToken(talker.codecThinkId), opening, tag, closing]
    }

    /// The language's tag; a speaker of a dialect turns Chinese, or no language, into that dialect.
    private func languageTag(_ request: PromptRequest) throws(PromptError) -> CodecToken? {
        let talker = config.talkerConfig
        let language = request.language.lowercased()
        guard languages.contains(language) else { throw .unknownLanguage(request.language, known: languages) }
        if case .preset(let name) = request.speaker {
            guard talker.spkId[name.lowercased()] != nil else { throw .unknownSpeaker(name, known: speakers) }
            if language == "auto" || language == "chinese",
                let dialect = talker.spkIsDialect[name.lowercased()]?.name,
                let tag = talker.codecLanguageId[dialect]
            {
                return CodecToken(tag)
            }
        }
        return talker.codecLanguageId[language].map(CodecToken.init)
    }

    // MARK: ids

    private func assistant(_ text: String, closing: String) -> [TextToken] {
        tokens("<|im_start|>assistant\n\(text)\(closing)")
    }

    private func instructionTokens(_ text: String) -> [TextToken] {
        tokens("<|im_start|>user\n\(text)<|im_end|>\n")
    }

    private func tokens(_ text: String) -> [TextToken] { tokenizer.encode(text).map(TextToken.init) }
}

extension String {
    /// Without white space at its ends, which would fuse with the template's line feeds.
    fileprivate var trimmed: String {
        let start = drop(while: \.isWhitespace)
        guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(start[...last])
    }
}
