#!/usr/bin/env bash
# What Debian 12 is too old for, out of the next release: its packages are unpacked into .deps, and apt checks their
# signatures. Elsewhere, and where the system's own will do, nothing is fetched.
#   vulkan.sh headers   prints the folder of Vulkan headers that ggml is compiled with
#   vulkan.sh driver    prints the folder of a Mesa driver that computes on the processor, with the libraries it needs
#                       (it is run by their own ld.so); prints nothing where the system's driver will do
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

later="trixie"

# Unpacks packages of the later release, with all they need when `whole` is asked for.
fetch() {
    local whole="$1" mirror
    shift
    mkdir -p "$work/lists/partial" "$work/packages/partial"
    : >"$work/none"
    mirror="$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | grep -m 1 '/debian/*$')"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror:-http://deb.debian.org/debian} $later main" \
        >"$work/sources.list"
    local apt="apt-get -y -o Dir::Etc::sourcelist=$work/sources.list -o Dir::Etc::sourceparts=- -o Dir::State::lists=$work/lists
        -o Dir::State::status=$work/none -o Dir::Cache=$work -o Dir::Cache::archives=$work/packages -o APT::Sandbox::User=$(id -un)
        -o APT::Install-Recommends=false"
    $apt update || return
    if [ "$whole" = whole ]; then
        $apt -o Debug::NoLocking=true --download-only install "$@" || return
    else
        (cd "$work/packages" && $apt download "$@") || return
    fi
    for package in "$work"/packages/*.deb; do dpkg -x "$package" "$work/unpacked" || return; done
}

# Fetches into a folder of .deps, unless it is there.
unpacked() {
    local name="$1" folder="$MYNAH_DEPS/$1" remedy="$2"
    shift 2
    if [ -d "$folder" ]; then return; fi
    command -v apt-get >/dev/null 2>&1 || fail "what ggml's Vulkan backend needs is too old here" "$remedy"
    say "Fetching ${*:2} of Debian's $later"
    work="$(mktemp -d)"
    trap 'rm -rf "$work"' EXIT
    logged "$name" "$remedy" fetch "$@"
    mv "$work/unpacked" "$folder"
}

case "${1:-}" in
    headers)
        system="${VULKAN_SDK:+$VULKAN_SDK/include}"
        system="${system:-$(pkg-config --variable=includedir vulkan 2>/dev/null)}"
        system="${system:-/usr/include}"
        if ! grep -qs VkLayerSettingEXT "$system/vulkan/vulkan_core.h"; then
            unpacked vulkan-headers "Install Vulkan headers of 1.3.272 or newer (the LunarG SDK has them), and set VULKAN_SDK." \
                alone libvulkan-dev
            system="$MYNAH_DEPS/vulkan-headers/usr/include"
        fi
        printf '%s' "$system"
        ;;
    driver)
        # Mesa 22 corrupts its own memory under ggml's shaders; 25 does not.
        version="$(dpkg-query -W -f '${Version}' mesa-vulkan-drivers 2>/dev/null)"
        if ! dpkg --compare-versions "${version:-0}" ge 25; then
            unpacked vulkan-driver "Install Mesa 25 or newer." whole mesa-vulkan-drivers libstdc++6
            libraries="$(dirname "$(ls -d "$MYNAH_DEPS"/vulkan-driver/usr/lib/*/libvulkan_lvp.so)")"
            sed "s|libvulkan_lvp|$libraries/&|" \
                "$MYNAH_DEPS"/vulkan-driver/usr/share/vulkan/icd.d/lvp_icd*.json >"$libraries/lvp.json"
            printf '%s' "$libraries"
        fi
        ;;
    *) fail "vulkan.sh takes: headers, driver" ;;
esac
