# Sourced by the launcher, the Makefile's recipes and every set-up script: where things are, how we speak.
# Sets MYNAH_ROOT, PKG_CONFIG_PATH and a few helpers. Bash 3.2 (macOS) is enough.

MYNAH_ROOT="$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)"
MYNAH_DEPS="$MYNAH_ROOT/.deps"
export PKG_CONFIG_PATH="$MYNAH_DEPS/ggml/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"

# Everything about set-up goes to stderr: stdout belongs to what was asked for.
say() { printf '==> %s\n' "$*" >&2; }

# Says what failed and what to do, and stops.
fail() {
    printf 'error: %s\n' "$1" >&2
    shift
    for line in "$@"; do printf '       %s\n' "$line" >&2; done
    exit 1
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
    if [ -e .deps/ggml/made-from ]; then what+=(.deps/ggml/made-from); fi
    if [ "$(uname -s)" = Darwin ]; then
        find "${what[@]}" -type f -exec stat -f '%N %z %m' {} + | cksum
    else
        find "${what[@]}" -type f -printf '%p %s %T@\n' | cksum
    fi
)
