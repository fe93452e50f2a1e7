#!/usr/bin/env bash
# Builds the command-line program in release form, quietly, and notes what it was built from.
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
"$MYNAH_ROOT/scripts/deps.sh" || exit
one_at_a_time
before="$(fingerprint)"
# What was compiled elsewhere names files that are no longer there.
if [ -d "$MYNAH_ROOT/.build" ] && [ "$(cat "$MYNAH_DEPS/built-at" 2>/dev/null)" != "$MYNAH_ROOT" ] &&
    [ -e "$MYNAH_DEPS/built-at" ]; then
    say "This checkout was moved: building anew"
    rm -rf "$MYNAH_ROOT/.build"
fi
printf '%s' "$MYNAH_ROOT" >"$MYNAH_DEPS/built-at"
if [ -x "$MYNAH_ROOT/.build/release/mynah" ]; then
    say "Building Mynah (what changed)"
else
    say "Building Mynah (the first time takes some minutes)"
fi
logged build "Is the toolchain Swift $(cat "$MYNAH_ROOT/.swift-version")? 'make clean' starts afresh." \
    swift build --package-path "$MYNAH_ROOT" -c release --product mynah
# The number was taken before building: an edit made meanwhile is built next time.
printf '%s' "$before" >"$MYNAH_DEPS/built-from"
