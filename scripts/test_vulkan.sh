#!/usr/bin/env bash
# A ggml with the Vulkan backend beside the usual one, then the tests that compute on accelerators, and the program as
# it lists such a device and speaks on it. Mesa's driver, which runs on the processor, stands in for a graphics card;
# ggml takes such a one only when told to. A card of this machine is tested by its place in 'vulkaninfo --summary':
# GGML_VK_VISIBLE_DEVICES=0 make test-vulkan. Nothing of the usual build is touched.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
export MYNAH_GGML="$PWD/.deps/ggml-vulkan" MYNAH_GGML_BACKENDS=vulkan MYNAH_BUILD="$PWD/.build/vulkan"
if [ -z "${GGML_VK_VISIBLE_DEVICES+set}" ]; then export MYNAH_SOFTWARE_VULKAN=1; fi
. scripts/environment.sh
scripts/deps.sh || exit
say "Building the program and the tests against ggml with Vulkan"
logged build-vulkan "The compiler's errors are above." \
    swift build -c release --build-tests --scratch-path "$MYNAH_BUILD"
launch=(env)
if [ -n "${MYNAH_SOFTWARE_VULKAN:-}" ]; then
    export GGML_VK_VISIBLE_DEVICES=0
    libraries="$(scripts/vulkan.sh driver)" || exit
    if [ -n "$libraries" ]; then
        export VK_ICD_FILENAMES="$libraries/lvp.json"
        launch=("$libraries"/ld-linux-*.so.* --library-path "$libraries")
    else
        export VK_ICD_FILENAMES="$(printf '%s' /usr/share/vulkan/icd.d/lvp_icd*.json)"
    fi
fi

# Each in its own process: how an accelerator multiplies is settled once in one.
for suite in Exact Rounded Want; do
    "${launch[@]}" "$MYNAH_BUILD"/release/*.xctest --testing-library swift-testing \
        --filter "AcceleratorTests/$suite" || exit
done

# The model's path is given, since the program looks beside itself for it, and may be run by another's ld.so.
mynah() {
    printf '$ mynah'
    printf ' %q' "$@"
    printf '\n'
    "${launch[@]}" "$MYNAH_BUILD/release/mynah" "$@"
}
sound="$MYNAH_BUILD/hello.wav"
rm -f "$sound"
mynah doctor | tee "$MYNAH_BUILD/doctor" || exit
grep -q '^device  *Vulkan0:' "$MYNAH_BUILD/doctor" || fail "doctor does not list Vulkan0"
mynah speak "Hello." -m Sources/Mynah/Resources/bundled-voice --seed 1 --device Vulkan0 -o "$sound" || exit
python3 - "$sound" <<'PYTHON' || fail "what was spoken on Vulkan0 is no sound"
import array, sys, wave

with wave.open(sys.argv[1]) as sound:
    samples = array.array("h", sound.readframes(sound.getnframes()))
    print(f"{len(samples) / sound.getframerate():.2f} s of sound, peak {max(map(abs, samples), default=0)}")
    sys.exit(not samples or max(map(abs, samples)) < 100)
PYTHON
