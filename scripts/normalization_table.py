#!/usr/bin/env python3
"""Prints Sources/TextProcessing/CompositionTable.swift: Unicode's canonical decompositions (Python 3.11: Unicode 14).

Hangul syllables are left out: they are composed by arithmetic. Needs only the standard library.
"""
import unicodedata

entries = []
for code in range(0x110000):
    parts = unicodedata.decomposition(chr(code)).split()
    if not parts or parts[0].startswith("<"):
        continue
    whole = "".join(chr(int(part, 16)) for part in parts)
    # A decomposition that NFC does not take back is written with "-" between, one that it does with "+".
    sign = "+" if len(parts) == 2 and unicodedata.normalize("NFC", whole) == chr(code) else "-"
    entries.append(f"{code:X}={sign.join(f'{int(part, 16):X}' for part in parts)}")

print(f"""// Written by scripts/normalization_table.py from Unicode {unicodedata.unidata_version}. Do not edit.

/// Canonical decompositions, `composite=first+second`; with `-` where composition does not make the composite
/// again, and of one part where it is another spelling of that part.
let compositionTable = \"\"\"""")
line = "   "
for entry in entries:
    if len(line) + 1 + len(entry) > 107:
        print(line + " \\")
        line = "   "
    line += " " + entry
print(line)
print('    """')
