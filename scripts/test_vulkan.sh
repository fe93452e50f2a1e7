#!/usr/bin/env bash
# A ggml with the Vulkan backend beside the usual one, then the tests that compute on accelerators. Mesa's driver, which
# runs on the processor, stands in for a graphics card; ggml takes such a one only when told to. A card of this machine
# is tested by its place in 'vulkaninfo --summary': GGML_VK_VISIBLE_DEVICES=0 make test-vulkan. Nothing of the usual
# build is touched.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
export MYNAH_GGML="$PWD/.deps/ggml-vulkan" MYNAH_GGML_BACKENDS=vulkan
if [ -z "${GGML_VK_VISIBLE_DEVICES+set}" ]; then export MYNAH_SOFTWARE_VULKAN=1; fi
. scripts/environment.sh
scripts/deps.sh || exit
say "Building the tests against ggml with Vulkan"
logged build-tests-vulkan "The compiler's errors are above." \
    swift build -c release --build-tests --scratch-path .build/vulkan
runner=(.build/vulkan/release/*.xctest)
if [ -n "${MYNAH_SOFTWARE_VULKAN:-}" ]; then
    export GGML_VK_VISIBLE_DEVICES=0
    libraries="$(scripts/vulkan.sh driver)" || exit
    if [ -n "$libraries" ]; then
        export VK_ICD_FILENAMES="$libraries/lvp.json"
        runner=("$libraries"/ld-linux-*.so.* --library-path "$libraries" "${runner[0]}")
    else
        export VK_ICD_FILENAMES="$(printf '%s' /usr/share/vulkan/icd.d/lvp_icd*.json)"
    fi
fi
# Twice: how an accelerator multiplies is settled once in a process.
for suite in Exact Rounded Want; do
    "${runner[@]}" --testing-library swift-testing --filter "AcceleratorTests/$suite" || exit
done
