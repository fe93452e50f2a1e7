#!/usr/bin/env python3
"""Writes the vocab.json and merges.txt of the Qwen tokenizers from a tiktoken rank file.

    build_vocabulary.py qwen.tiktoken OUTPUT_FOLDER

A token's rank is its id. A token's merge is the pair that is left when byte-pair encoding is run over its bytes with
lower ranks only; merges stand in the order of the tokens they make. Needs only the standard library.
"""
import base64
import json
import sys
from pathlib import Path


def byte_alphabet():
    """Bytes as printable characters: those that are printable themselves, then U+0100 onwards."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + i) for i, byte in enumerate(others)}


def read_ranks(path):
    ranks = {}
    for line in path.read_bytes().split(b"\n"):
        if line.strip():
            token, rank = line.split()
            ranks[base64.b64decode(token)] = int(rank)
    return ranks


def last_merge(token, ranks):
    """The two parts that `token` is joined from."""
    limit = ranks[token]
    parts = [bytes([byte]) for byte in token]
    while len(parts) > 2:
        joined = [ranks.get(a + b, limit) for a, b in zip(parts, parts[1:])]
        at = joined.index(min(joined))
        if joined[at] == limit:
            raise ValueError(f"token {limit} cannot be reached by merges")
        parts[at:at + 2] = [parts[at] + parts[at + 1]]
    return parts


def main():
    source, folder = Path(sys.argv[1]), Path(sys.argv[2])
    ranks = read_ranks(source)
    alphabet = byte_alphabet()

    def spell(token):
        return "".join(alphabet[byte] for byte in token)

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {spell(token): rank for token, rank in ranks.items()}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    tokens = sorted((token for token in ranks if len(token) > 1), key=ranks.get)
    lines = ["#version: 0.2", *(" ".join(map(spell, last_merge(token, ranks))) for token in tokens)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(vocabulary)} tokens, {len(lines) - 1} merges in {folder}")


if __name__ == "__main__":
    main()
