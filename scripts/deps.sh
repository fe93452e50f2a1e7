#!/usr/bin/env bash
# Everything the build needs beyond the Swift toolchain: system packages, then ggml. Does only what is missing.
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

libraries="libavformat libavcodec libavutil libswresample soxr"

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
}

install_with_apt() {
    local packages="$1" root=""
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null 2>&1 || fail "these packages are missing: $packages" \
            "As root: apt-get update && apt-get install -y --no-install-recommends $packages"
        root="sudo"
        say "sudo is needed to install packages"
        sudo -v || fail "sudo was refused" \
            "As root: apt-get update && apt-get install -y --no-install-recommends $packages"
    fi
    local apt="env DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=300"
    # The lists of a fresh image are empty or old: one update, and only when the install fails without it.
    local remedy="Check the network and apt's sources, then: apt-get update && apt-get install $packages"
    logged apt "$remedy" $root sh -c \
        "$apt install --no-install-recommends $packages || { $apt update && $apt install --no-install-recommends $packages; }"
}

install_with_brew() {
    command -v brew >/dev/null 2>&1 || fail "Homebrew is not installed" "Install it, then run this again."
    logged brew "Run by hand: brew install ggml ffmpeg libsoxr pkgconf" brew install ggml ffmpeg libsoxr pkgconf
}

command -v swift >/dev/null 2>&1 || fail "the Swift toolchain is not on the PATH" \
    "Install Swift $(cat "$MYNAH_ROOT/.swift-version") from swift.org/install, then run this again."
one_at_a_time

if [ "$(uname -s)" = Darwin ]; then
    # shellcheck disable=SC2086
    pkg-config --exists ggml $libraries 2>/dev/null || { say "Installing ggml, ffmpeg, soxr"; install_with_brew; }
    exit 0
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
