# Sourced by the launcher, the Makefile's recipes and every set-up script: where things are, how we speak.
# Sets MYNAH_ROOT, PKG_CONFIG_PATH and a few helpers. Bash 3.2 (macOS) is enough.

MYNAH_ROOT="$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)"
MYNAH_DEPS="$MYNAH_ROOT/.deps"
# Where ggml is installed; another place keeps a ggml with other backends beside the usual one.
MYNAH_GGML="${MYNAH_GGML:-$MYNAH_DEPS/ggml}"
# Where what links that ggml is built.
MYNAH_BUILD="${MYNAH_BUILD:-$MYNAH_ROOT/.build}"
export PKG_CONFIG_PATH="$MYNAH_GGML/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"

# Everything about set-up goes to stderr: stdout belongs to what was asked for.
say() { printf '==> %s\n' "$*" >&2; }

# Says what failed and what to do, and stops.
fail() {
    printf 'error: %s\n' "$1" >&2
    shift
    for line in "$@"; do printf '       %s\n' "$line" >&2; done
    exit 1
}

# Backends ggml is to have beside the processor's, sorted: those MYNAH_GGML_BACKENDS names ("cuda vulkan"; "cpu" for
# none), or, when it is not set, those of the ggml that is there, so that they are asked for once.
ggml_backends() {
    local asked="${MYNAH_GGML_BACKENDS-}"
    if [ -z "${MYNAH_GGML_BACKENDS+set}" ]; then
        if [ "$(uname -s)" = Darwin ]; then asked="metal"; fi
        if [ -r "$MYNAH_GGML/made-from" ]; then asked="$(cut -d ' ' -f 2 "$MYNAH_GGML/made-from" | tr + ' ')"; fi
    fi
    printf '%s\n' "$asked" | tr 'A-Z, ' 'a-z\n\n' | sed '/^cpu$/d; /^$/d' | sort -u | xargs
}

# logged NAME REMEDY COMMAND...: runs the command with its output in .deps/NAME.log, telling every few seconds
# how long it has taken and the newest [n/m] of the log. If it fails: the log's last lines and the remedy.
logged() {
    local name="$1" remedy="$2" log status=0 ticker
    shift 2
    mkdir -p "$MYNAH_DEPS"
    log="$MYNAH_DEPS/$name.log"
    : >"$log"
    tick "$name" "$log" &
    ticker=$!
    "$@" >"$log" 2>&1 </dev/null || status=$?
    kill "$ticker" 2>/dev/null
    wait "$ticker" 2>/dev/null
    if [ -t 2 ]; then printf '\r\033[K' >&2; fi
    if [ "$status" -ne 0 ]; then
        tail -n 25 "$log" | sed 's/^/    | /' >&2
        fail "$name failed with status $status; the whole log is $log" "$remedy"
    fi
}

# The ticking line of `logged`: rewritten in place on a terminal, a line every ten seconds elsewhere.
tick() {
    local name="$1" log="$2" start=$SECONDS pause=10 newest
    exec 9>&-  # a sleep that outlives us must not keep the lock
    if [ -t 2 ]; then pause=1; fi
    while sleep "$pause" </dev/null >/dev/null 2>&1; do
        newest="$(tr '\r' '\n' <"$log" | sed -n 's/^\(\[ *[0-9]*\/[0-9]*\]\).*/\1/p' | tail -n 1)"
        if [ -t 2 ]; then
            printf '\r\033[K    %s %s %ds' "$name" "$newest" "$((SECONDS - start))" >&2
        else
            printf '    %s %s %ds\n' "$name" "$newest" "$((SECONDS - start))" >&2
        fi
    done
}

# install_with_apt PACKAGES: through sudo where we are not root.
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

# One set-up at a time: a second one waits for the first. Fd 9 holds the lock until the script ends.
one_at_a_time() {
    mkdir -p "$MYNAH_DEPS"
    if ! command -v flock >/dev/null 2>&1; then return; fi
    exec 9>"$MYNAH_DEPS/setup.lock"
    if ! flock -n 9; then
        say "waiting for another set-up of this checkout"
        flock 9
    fi
}

# What a rebuild depends on, in one number: names, sizes and times of sources, scripts and ggml.
fingerprint() (
    cd "$MYNAH_ROOT" || exit
    what=(Package.swift Sources scripts)
    if [ -e "$MYNAH_GGML/made-from" ]; then what+=("$MYNAH_GGML/made-from"); fi
    if [ "$(uname -s)" = Darwin ]; then
        find "${what[@]}" -type f -exec stat -f '%N %z %m' {} + | cksum
    else
        find "${what[@]}" -type f -printf '%p %s %T@\n' | cksum
    fi
)
