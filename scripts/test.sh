#!/usr/bin/env bash
# Dependencies, the vocabulary the tokenizer's tests read, then every test. Prints nothing after the runner's own.
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$MYNAH_ROOT" || exit
scripts/deps.sh || exit
if [ -x scripts/fetch-vocabulary.sh ]; then scripts/fetch-vocabulary.sh || exit; fi
say "Building the tests"
logged build-tests "The compiler's errors are above." swift build -c release --build-tests
exec swift test -c release --skip-build "$@"
