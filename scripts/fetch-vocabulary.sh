#!/bin/sh
# Puts the real Qwen vocabulary (vocab.json, merges.txt) into .deps/qwen-vocabulary, for the tokenizer's full test.
# The PyPI package dashscope carries it as a tiktoken rank file. Does nothing when it is there already.
set -eu
cd "$(dirname "$0")/.."
folder=.deps/qwen-vocabulary
wheel=dashscope-2.0.2-py3-none-any.whl
sum=0602d1800f7433bdb7953560986eaf5146454ed3988636c0a91963ba24e74258
[ -f "$folder/vocab.json" ] && [ -f "$folder/merges.txt" ] && exit 0
mkdir -p "$folder"
[ -f "$folder/$wheel" ] || python3 -m pip download --quiet --no-deps --only-binary :all: -d "$folder" dashscope==2.0.2
actual=$(python3 -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$folder/$wheel")
if [ "$actual" != "$sum" ]; then
    echo "$folder/$wheel has SHA-256 $actual, not $sum: remove it and try again" >&2
    exit 1
fi
python3 -m zipfile -e "$folder/$wheel" "$folder/wheel"
# Built aside and moved, so that an interrupted run leaves nothing half made.
python3 scripts/build_vocabulary.py "$folder/wheel/dashscope/resources/qwen.tiktoken" "$folder/new"
mv "$folder/new/merges.txt" "$folder/merges.txt"
mv "$folder/new/vocab.json" "$folder/vocab.json"
rm -r "$folder/new" "$folder/wheel"
