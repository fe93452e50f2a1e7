#!/usr/bin/env bash
# ggml, built by CMake into .deps/ggml from a pinned source, unless the system already has a version we know.
# MYNAH_GGML_BACKENDS="cuda vulkan" adds GPU backends ("cpu" drops them); a change of it builds anew.
set -uo pipefail
inherited="${PKG_CONFIG_PATH:-}"
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

# ggml as it stands inside the source distribution of llama-cpp-python: whoever has pip has it, through
# whatever index, mirror or proxy pip is set up with. Versions known to work, ours first.
known="0.25.3"
release="0.3.36"
sha256="832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"
prefix="$MYNAH_GGML"
backends="$(ggml_backends)"

# Whether the system's own ggml will do.
system_has_it() {
    local version
    [ -z "${MYNAH_GGML_BACKENDS-}" ] || return 1
    version="$(PKG_CONFIG_PATH="$inherited" pkg-config --modversion ggml 2>/dev/null)" || return 1
    case " $known " in *" $version "*) return 0 ;; esac
    return 1
}

digest() { python3 -c 'import hashlib,sys; print(hashlib.sha256(open(sys.argv[1],"rb").read()).hexdigest())' "$1"; }

# Fetches the archive by pip, which checks the pinned hash. `pip download` insists on asking an archive's build
# backend for metadata we do not want; a stand-in that answers spares the real one's installation (and with it
# everything that would fetch and run).
fetch() {
    local folder="$1" shim="$1/backend/scikit_build_core"
    mkdir -p "$shim"
    : >"$shim/__init__.py"
    cat >"$shim/build.py" <<PYTHON
import os


def prepare_metadata_for_build_wheel(directory, config_settings=None):
    name = "llama_cpp_python-$release.dist-info"
    os.makedirs(os.path.join(directory, name))
    with open(os.path.join(directory, name, "METADATA"), "w") as file:
        file.write("Metadata-Version: 2.1\nName: llama-cpp-python\nVersion: $release\n")
    return name


def get_requires_for_build_wheel(config_settings=None):
    return []


def build_wheel(directory, config_settings=None, metadata_directory=None):
    raise NotImplementedError
PYTHON
    echo "llama-cpp-python==$release --hash=sha256:$sha256" >"$folder/requirements.txt"
    PYTHONPATH="$folder/backend" python3 -m pip download --no-deps --no-binary llama-cpp-python \
        --no-build-isolation --progress-bar off --disable-pip-version-check \
        -d "$folder" -r "$folder/requirements.txt"
}

# The file upstream's CMakeLists configures and the archive lacks. It finds itself, so a moved checkout works.
write_pc() {
    local libraries="-lggml" system="-lstdc++ -lm -lpthread -ldl" backend
    if [ "$(uname -s)" = Darwin ]; then system="-lc++ -framework Accelerate"; fi
    for backend in $backends; do
        case "$backend" in
            cuda)
                libraries="$libraries -lggml-cuda -L$cuda/lib64 -lcudart_static -lcublas -lrt"
                ;;
            metal) libraries="$libraries -lggml-metal -framework Foundation -framework Metal -framework MetalKit" ;;
            vulkan) libraries="$libraries -lggml-vulkan -lvulkan" ;;
        esac
    done
    cat >"$1" <<PC
prefix=\${pcfiledir}/../..
Name: ggml
Description: tensor library
Version: @GGML_VERSION@
Libs: -L\${prefix}/lib $libraries -lggml-cpu -lggml-base $system
Cflags: -I\${prefix}/include
PC
}

# Without the driver's own library (NO_VMM), so that the program starts where there is no driver; without flash
# attention, which nothing calls; for the card that is here, else for any, compiled further when first run.
cuda_flags() {
    local architectures="${MYNAH_CUDA_ARCHITECTURES:-75-virtual}"
    if [ -z "${MYNAH_CUDA_ARCHITECTURES:-}" ] && nvidia-smi >/dev/null 2>&1; then architectures=native; fi
    printf '%s ' -DGGML_CUDA_NO_VMM=ON -DGGML_CUDA_FA=OFF -DGGML_CUDA_NCCL=OFF "-DCMAKE_CUDA_COMPILER=$nvcc" \
        "-DCMAKE_CUDA_ARCHITECTURES=$architectures" "-DCUDAToolkit_ROOT=$cuda"
}

configure_flags() {
    local backend
    printf '%s ' -G Ninja -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DGGML_OPENMP=OFF -DGGML_NATIVE=ON \
        -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DGGML_BUILD_TESTS=OFF -DGGML_BUILD_EXAMPLES=OFF -DGGML_CCACHE=OFF \
        -DCMAKE_INSTALL_LIBDIR=lib -DGGML_BLAS=OFF -DGGML_METAL=OFF
    for backend in $backends; do printf -- '-DGGML_%s=ON ' "$(printf '%s' "$backend" | tr 'a-z' 'A-Z')"; done
    case " $backends " in *" cuda "*) cuda_flags ;; esac
    if [ -n "$vulkan_headers" ]; then printf -- '-DVulkan_INCLUDE_DIR=%s ' "$vulkan_headers"; fi
}

cuda="${CUDA_HOME:-/usr/local/cuda}"
nvcc="$cuda/bin/nvcc"
for backend in $backends; do
    case "$backend" in
        cuda) [ -x "$nvcc" ] || fail "the CUDA backend was asked for, and there is no $nvcc" \
            "Install the CUDA toolkit and set CUDA_HOME, or unset MYNAH_GGML_BACKENDS." ;;
        metal) [ "$(uname -s)" = Darwin ] || fail "the Metal backend is for macOS" "MYNAH_GGML_BACKENDS takes: cuda vulkan" ;;
        vulkan) command -v glslc >/dev/null 2>&1 ||
            fail "the Vulkan backend was asked for, and there is no glslc" "Run scripts/deps.sh, which installs what is missing." ;;
        *) fail "there is no backend named '$backend'" "MYNAH_GGML_BACKENDS takes: cuda vulkan" ;;
    esac
done

made="${backends// /+}"
wanted="$sha256 ${made:-cpu} $(uname -m)"
if [ "$(cat "$prefix/made-from" 2>/dev/null)" = "$wanted" ]; then exit 0; fi
if system_has_it; then exit 0; fi

archive="$MYNAH_DEPS/llama_cpp_python-$release.tar.gz"
work="$MYNAH_DEPS/work"
rm -rf "$work"
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT
if [ ! -f "$archive" ] || [ "$(digest "$archive")" != "$sha256" ]; then
    say "Fetching ggml's source through pip (77 MB)"
    logged ggml-fetch "Check the network and 'python3 -m pip config list'; or put the archive at $archive" fetch "$work"
    [ "$(digest "$work/llama_cpp_python-$release.tar.gz")" = "$sha256" ] || fail "the archive is not the one pinned" \
        "An index or mirror served other bytes. Do not use them."
    mv "$work/llama_cpp_python-$release.tar.gz" "$archive"
fi

vulkan_headers=""
case " $backends " in *" vulkan "*) vulkan_headers="$("$MYNAH_ROOT/scripts/vulkan.sh" headers)" || exit ;; esac

say "Building ggml ${known%% *} (${backends:-cpu})"
tar -xzf "$archive" -C "$work" --strip-components=3 "llama_cpp_python-$release/vendor/llama.cpp/ggml" \
    "llama_cpp_python-$release/vendor/llama.cpp/LICENSE" || fail "the archive does not open" "Delete $archive and try again."
write_pc "$work/ggml/ggml.pc.in"
# shellcheck disable=SC2046
logged ggml-configure "Is the compiler complete? (apt-get install g++ cmake ninja-build)" \
    cmake -S "$work/ggml" -B "$work/build" $(configure_flags) -DCMAKE_INSTALL_PREFIX="$work/ggml-installed"
logged ggml-build "Little memory? Try: CMAKE_BUILD_PARALLEL_LEVEL=1 ./scripts/ggml.sh" cmake --build "$work/build"
logged ggml-install "Is the disk full?" cmake --install "$work/build"
cp "$work/LICENSE" "$work/ggml-installed/LICENSE"
printf '%s' "$wanted" >"$work/ggml-installed/made-from"
rm -rf "$prefix"
mv "$work/ggml-installed" "$prefix"
# Archives are linked in, and SwiftPM does not watch them.
rm -f "$MYNAH_BUILD"/*/release/mynah "$MYNAH_BUILD"/*/release/*.xctest
