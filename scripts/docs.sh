#!/usr/bin/env bash
# The documentation of what is public, as a DocC archive. A warning is an error.
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$MYNAH_ROOT" || exit
graphs=".build/documentation/graphs"
public=".build/documentation/public"
mkdir -p "$graphs"
say "Reading the public declarations"
# A build folder of its own: other flags would make the ordinary one build anew.
logged docs "The compiler's errors are above." swift build --scratch-path .build/documentation/build \
    --target Mynah -Xswiftc -emit-symbol-graph -Xswiftc -emit-symbol-graph-dir -Xswiftc "$MYNAH_ROOT/$graphs"
rm -rf "$public"
mkdir -p "$public"
cp "$graphs"/Mynah*.symbols.json "$graphs"/SpeechCore*.symbols.json "$public"
docc="docc"
if ! command -v docc >/dev/null 2>&1; then docc="xcrun docc"; fi
$docc convert --additional-symbol-graph-dir "$public" --output-dir .build/documentation/Mynah.doccarchive \
    --fallback-display-name Mynah --fallback-bundle-identifier mynah --warnings-as-errors || exit
say "Written to .build/documentation/Mynah.doccarchive"
