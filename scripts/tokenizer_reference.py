#!/usr/bin/env python3
"""Writes texts and the ids that the `tokenizers` package gives them, for the tests of TextProcessing.

    tokenizer_reference.py TINY_CHECKPOINT VOCABULARY_FOLDER OUT.json [--random N] [--seed S]

TINY_CHECKPOINT is Tests/Fixtures/qwen3-tts/tiny-base, VOCABULARY_FOLDER what scripts/fetch-vocabulary.sh made.
Needs `tokenizers` (0.22.2 made the committed file). Each case has the ids of both vocabularies.
"""
import argparse
import json
import random
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
           r"|\s*[\r\n]+|\s+(?!\S)|\s+")

WRITTEN = [
    "", " ", "  ", "   a", "\n", "\n\n", "\r\n", "\r", "\n\r\n a", " \n \n ", "\t", "a\tb\t\tc", "a \n", "a\n ", "\u00a0", "a\u00a0b",
    "a\u3000b\u3000\u3000c", "a\u2028b\u2029c", "a\u0085b", "\u200b\u200c\u200d\u2060\ufeff", "a\u1680b\u2003c\u202fd\u205fe",
    "\x00", "\x00\x01\x02\x1b[0m\x7f", "a\x0bb\x0cc", "\x1c\x1d\x1e\x1f", "\u0080\u009f",
    "Hello world", "Hello, world!", " leading and trailing ", "assistant\nHello", "don't I'LL they've we'd it's I'm you're 'tis 'S'T'RE'VE'M'LL'D",
    "'\u017f 'stay 'really 'vet 'llama 'rE 'Ll 'v 'r 'l ' 's", "it\u2019s \u2018quoted\u2019", "rock'n'roll O'Neill 'em",
    "iPhone McDonald's XMLHttpRequest eBay camelCase PascalCase SCREAMING_SNAKE snake_case kebab-case",
    "3.14159 1,000,000 2026-11-21 12:34:56 +49 (0)30 123-456 50% $9.99 \u20ac5 \u00bd \u00b2 \u2167 \u0661\u0662\u0663 \u096a\u096b \uff11\uff12 \u4e09",
    "1234567890" * 30, "0" * 200, "!" * 100, "?!" * 40, "." * 70, "-" * 65, "=" * 81, " " * 90 + "x", "\n" * 40, "\r\n" * 20, "\t" * 33 + "y",
    "a" * 300, "ab" * 150, "antidisestablishmentarianism" * 5, "ACGT" * 60, "Donaudampfschifffahrtsgesellschaftskapit\u00e4n",
    "# include <stdio.h>\n## ##\n### ###\n#!/bin/sh\n", "for (int i = 0; i < n; ++i) { a[i] += b[i] * 2; }", "def f(x):\n    return x ** 2\n\n\nclass A:\n\tpass\n",
    "https://example.org/a/b?c=d&e=%20f#g user@example.com C:\\Windows\\System32", "{\"key\": [1, 2.5, null, true], \"\u00e9\": \"\\u00e9\"}",
    "<p class=\"x\">text</p> <!-- note --> &amp; <br/>", "E = mc\u00b2, \u222b\u2080\u00b9 x\u207f dx \u2248 \u221e \u2260 \u2264 \u2200\u2203", "a+b=c a*b/c a|b a^b ~a `a` @a #a $a",
    "\u4f60\u597d\uff0c\u4e16\u754c\u3002\u4eca\u5929\u5929\u6c14\u5f88\u597d\uff01\u6211\u4eec\u4e00\u8d77\u53bb\u5317\u4eac\u3002", "\u7e41\u9ad4\u4e2d\u6587\uff1a\u81fa\u7063\u3001\u9999\u6e2f", "\u3053\u3093\u306b\u3061\u306f\u3001\u4e16\u754c\u3002\u30ab\u30bf\u30ab\u30ca \uff76\uff80\uff76\uff85 \u304c\u3099 \u30ab\u3099",
    "\ub2e4\ub78c\uc950 \ud5cc \uccc7\ubc14\ud034\uc5d0 \ud0c0\uace0\ud30c", "\u1112\u1161\u11ab\u1100\u1173\u11af", "\u0421\u044a\u0435\u0448\u044c \u0435\u0449\u0451 \u044d\u0442\u0438\u0445 \u043c\u044f\u0433\u043a\u0438\u0445 \u0444\u0440\u0430\u043d\u0446\u0443\u0437\u0441\u043a\u0438\u0445 \u0431\u0443\u043b\u043e\u043a",
    "\u0418\u0306 \u0438\u0306 \u0415\u0308", "Victor jagt zw\u00f6lf Boxk\u00e4mpfer \u00fcber den gro\u00dfen Sylter Deich STRASSE \u1e9e", "Portez ce vieux whisky au juge blond qui fume; o\u00f9 \u00e7a? L'\u00e9t\u00e9, l'\u0153uvre",
    "re\u0301sume\u0301 x\u00b2 e\u0300\u0323 e\u0323\u0300 A\u030a \u212b \u2126 \u1e69 s\u0323\u0307 s\u0307\u0323", "El pingu\u0308ino \u00bfqu\u00e9? \u00a1\u00d1and\u00fa!", "\u00c0 noite, vov\u00f4 Kowalsky v\u00ea o \u00edm\u00e3; ma\u00e7\u00e3",
    "Pchn\u0105\u0107 w t\u0119 \u0142\u00f3d\u017a je\u017ca", "P\u0159\u00edli\u0161 \u017elu\u0165ou\u010dk\u00fd k\u016f\u0148", "Tr\u01b0\u1eddng \u0111\u1ea1i h\u1ecdc Vi\u1ec7t Nam Tru\u031bo\u031b\u0300ng", "\u03a4\u03ac\u03c7\u03b9\u03c3\u03c4\u03b7 \u03b1\u03bb\u03ce\u03c0\u03b7\u03be \u1f00\u1f08\u0345 \u0391\u0301",
    "\u0627\u0644\u0633\u0644\u0627\u0645 \u0639\u0644\u064a\u0643\u0645\u061f \u0627\u0644\u0639\u064e\u0631\u064e\u0628\u0650\u064a\u0651\u064e\u0629", "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd \u05d1\u05bc\u05b0\u05e8\u05b5\u05d0\u05e9\u05b4\u05c1\u05d9\u05ea \ufb2a", "\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e\u0964 \u0915\u094d\u0937 \u0921\u093c \u095c",
    "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e0a\u0e32\u0e27\u0e42\u0e25\u0e01 \u0e19\u0e49\u0e33", "\u1019\u103c\u1014\u103a\u1019\u102c", "\u12a0\u121b\u122d\u129b \u10e5\u10d0\u10e0\u10d7\u10e3\u10da\u10d8 \u0540\u0561\u0575 \u13e3\u13b3\u13a9", "\u0ba4\u0bae\u0bbf\u0bb4\u0bcd \u0c24\u0c46\u0c32\u0c41\u0c17\u0c41 \u0dc3\u0dd2\u0d82\u0dc4\u0dbd \u0f56\u0f7c\u0f51", "\U0001d400\U0001d7d8 \U0001f130 \U00010330 \U00020000 \U0002f800 \ufa0e \uf900",
    "\U0001f642 emoji \U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f44d\U0001f3fd \U0001f1e9\U0001f1ea \u2764\ufe0f 1\ufe0f\u20e3 \U0001f3f4\U000e0067\U000e0062\U000e007f", "\U0001f642" * 30, "a\u0301" * 50, "a" + "\u0301" * 60, "Z\u0351\u036b\u0343\u036a\u0302\u0346a\u0323\u0307l\u0334g\u0321o\u0489",
    "\ue000\uf8ff\U000f0000 \ufffd\ufffe\uffff", "\u037e \u1fef \u2000\u2001 \u2329", "\u0958 \u09dc \u0344 \u0f73 \ufb1d", "\u0378 \u05ff \U0001ffff",
    # Marks and letters that some version of Unicode added: the reference orders and composes by 9, classifies by 16.
    "\u0953\u0d3c \U00011935\U00011930 \U00016ff1\u0323 a\u0898\u0323 \u0cdc\u0cdd \U00016ea1'll \u1c89\u1c8a \ua7cb'm",
    "<|im_start|>user\nhi<|im_end|>", "<|im_start|><|im_start|> <|im_end|>\n<|im_end|>", "a<tts_pad>b <think>c</think> d", "<|im_star|> <|im_start <|im_<|im_end|>", "<<|endoftext|>>", "<tts_text_bos><tts_text_bos_single>\u0338<tts_text_eod>",
    "e<tts_pad>\u0301 ' <tts_pad>s  <tts_pad>\n", "<tool_call>{\"a\":1}</tool_call>", "< tts_pad> <TTS_PAD> <|IM_END|>", "<|audio_pad|>" * 5, "   <|im_end|>   ", "<tts_bos>",
    "<|im_start|>assistant\nHello there.<|im_end|>\n<|im_start|>assistant\n", "<|im_start|>user\nSpeak slowly, in a warm voice.<|im_end|>\n",
]

SPANS = [
    (0x00, 0x7F), (0x20, 0x7E), (0x61, 0x7A), (0x61, 0x7A), (0x41, 0x5A), (0x30, 0x39), (0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x52F),
    (0x590, 0x6FF), (0x900, 0xDFF), (0xE00, 0xEFF), (0x1100, 0x11FF), (0x1E00, 0x1FFF), (0x2000, 0x206F), (0x2070, 0x2BFF), (0x3000, 0x30FF),
    (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0xFE00, 0xFFEF), (0x1F300, 0x1FAFF), (0x10000, 0x1FFFF), (0x20, 0x20), (0x09, 0x0D)]
SNIPPETS = ["'s", "'ll", "'RE", " ", "  ", "\n", "\r\n", " \n", "\t", "<|im_end|>", "<tts_pad>", "<|", "the", " and", "ing", "e\u0301", "\u0323", "\u3002", "\uff0c", "12", "...", "\u200d"]


def random_text(source):
    spans = source.sample(SPANS, source.randint(1, 4))
    text = ""
    for _ in range(source.randint(1, 30)):
        if source.random() < 0.3:
            text += source.choice(SNIPPETS)
        else:
            code = source.randint(*source.choice(spans))
            text += chr(code) * (source.randint(2, 5) if source.random() < 0.05 else 1)
    return text


def tokenizer(folder, added):
    made = Tokenizer(models.BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt")))
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    for token in added:
        made.add_tokens([AddedToken(token["content"], normalized=False, special=token["special"])])
    return made


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tiny", type=Path)
    parser.add_argument("full", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--random", type=int, default=250)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    config = json.loads((arguments.tiny / "tokenizer_config.json").read_text(encoding="utf-8"))
    added = [token for _, token in sorted(config["added_tokens_decoder"].items(), key=lambda item: int(item[0]))]
    tiny, full = tokenizer(arguments.tiny, added), tokenizer(arguments.full, added)
    source = random.Random(arguments.seed)
    texts = WRITTEN + [random_text(source) for _ in range(arguments.random)]
    cases = [dict(text=text, tiny=tiny.encode(text).ids, full=full.encode(text).ids) for text in texts]
    tokens = [dict(content=token["content"], id=full.token_to_id(token["content"]), special=token["special"]) for token in added]
    # Escaped to ASCII, so that no editor normalizes it; a case a line.
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    head = json.dumps(tokens, separators=(",", ":"))
    arguments.out.write_text(f'{{"addedTokens":{head},\n"cases":[\n{lines}\n]}}\n', encoding="ascii")
    print(f"{len(cases)} cases, {arguments.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
