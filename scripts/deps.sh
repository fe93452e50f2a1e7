#!/usr/bin/env bash
# Everything the build needs beyond the Swift toolchain: system packages, then ggml. Does only what is missing.
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

libraries="libavfilter libavformat libavcodec libavutil libswresample soxr"

# Lists what is missing, as Debian packages. Asks for the thing itself, so that what was installed another way counts.
missing_packages() {
    local pair
    for pair in cmake:cmake ninja:ninja-build pkg-config:pkg-config c++:g++ git:git; do
        command -v "${pair%%:*}" >/dev/null 2>&1 || printf '%s ' "${pair##*:}"
    done
    python3 -m pip --version >/dev/null 2>&1 || printf 'python3 python3-pip '
    for pair in $libraries; do
        pkg-config --exists "$pair" 2>/dev/null && continue
        [ "$pair" = soxr ] && printf 'libsoxr-dev ' || printf '%s-dev ' "$pair"
    done
    case " $(ggml_backends) " in *" vulkan "*) missing_for_vulkan ;; esac
}

# What ggml's Vulkan backend is built with. MYNAH_SOFTWARE_VULKAN asks for Mesa's driver that runs on the processor
# besides, which serves tests where there is no graphics card.
missing_for_vulkan() {
    command -v glslc >/dev/null 2>&1 || printf 'glslc '
    pkg-config --exists vulkan 2>/dev/null || printf 'libvulkan-dev '
    [ -e /usr/include/spirv/unified1/spirv.hpp ] || [ -n "${VULKAN_SDK:-}" ] || printf 'spirv-headers '
    [ -z "${MYNAH_SOFTWARE_VULKAN:-}" ] || ls /usr/share/vulkan/icd.d/lvp_icd*.json >/dev/null 2>&1 ||
        printf 'mesa-vulkan-drivers '
}

brewed="ggml ffmpeg libsoxr pkgconf cmake ninja"

install_with_brew() {
    command -v brew >/dev/null 2>&1 || fail "Homebrew is not installed" "Install it, then run this again."
    logged brew "Run by hand: brew install $brewed" brew install $brewed
}

command -v swift >/dev/null 2>&1 || fail "the Swift toolchain is not on the PATH" \
    "Install Swift $(cat "$MYNAH_ROOT/.swift-version") from swift.org/install, then run this again."
one_at_a_time

if [ "$(uname -s)" = Darwin ]; then
    # shellcheck disable=SC2086
    pkg-config --exists ggml $libraries 2>/dev/null || { say "Installing ggml, ffmpeg, soxr"; install_with_brew; }
    # Homebrew's ggml moves on: one of a version we do not know is passed over for our own.
    exec "$MYNAH_ROOT/scripts/ggml.sh"
fi

packages="$(missing_packages)"
if [ -n "$packages" ]; then
    say "Installing system packages: $packages"
    command -v apt-get >/dev/null 2>&1 || fail "these (by their Debian names) are missing: $packages" \
        "Install your distribution's packages of the same libraries and tools, then run this again."
    install_with_apt "$packages"
    packages="$(missing_packages)"
    [ -z "$packages" ] || fail "still missing after installing: $packages" "See $MYNAH_DEPS/apt.log"
fi
"$MYNAH_ROOT/scripts/ggml.sh"
