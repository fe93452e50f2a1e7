#!/usr/bin/env bash
# Writes docs/parity.md from what `mynah parity` prints now.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$MYNAH_ROOT"
fixtures=Tests/Fixtures
table() {
    ./mynah parity "$fixtures/qwen3-tts/$1" "$fixtures/qwen3-tts/$1.golden.safetensors" --summary "${@:2}"
}
vibevoice() { ./mynah parity "$fixtures/vibevoice/$1" "$fixtures/vibevoice/$2/golden.safetensors" --summary; }
{
    sed '/^<!-- tables -->$/q' docs/parity.md
    for variant in base custom_voice voice_design; do
        printf '\n## Qwen3-TTS, tiny %s, float32\n\n' "$variant"
        table "tiny-$variant"
    done
    printf '\n## Qwen3-TTS, tiny base, float32, composed of ggml'"'"'s operations\n\n'
    table tiny-base --composed
    printf '\n## Qwen3-TTS, tiny base, q8_0, along the golden path\n\n'
    table tiny-base --quantize q8_0
    printf '\n## VibeVoice-Realtime, tiny, float32\n\n'
    vibevoice realtime-tiny realtime-tiny
    printf '\n## VibeVoice-1.5B, tiny, float32\n\n'
    vibevoice 1.5b-tiny 1.5b-tiny
    printf '\n## VibeVoice-ASR, tiny, the authors'"'"' layout, float32\n\n'
    vibevoice asr-tiny asr-tiny
    printf '\n## VibeVoice-ASR, tiny, the transformers layout, float32\n\n'
    vibevoice asr-tiny-hf asr-tiny
    printf '\n## VibeVoice-1.5B and -ASR, random, as ids, float32\n\n'
    vibevoice 1.5b-random 1.5b-random
    printf '\n'
    vibevoice asr-random asr-random
} > docs/parity.md.new
mv docs/parity.md.new docs/parity.md
