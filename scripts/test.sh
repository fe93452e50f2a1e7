#!/usr/bin/env bash
# Dependencies, the vocabulary the tokenizer's tests read, then every test: published clients against the program
# first, then the suites. Prints nothing after the runner's own words.
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$MYNAH_ROOT" || exit
scripts/deps.sh || exit
if [ -x scripts/fetch-vocabulary.sh ]; then scripts/fetch-vocabulary.sh || exit; fi
say "Building the tests"
logged build-tests "The compiler's errors are above." swift build -c release --build-tests
# A selection of suites is for somebody at work; the clients have 'make acceptance'.
if [ "$#" -eq 0 ]; then scripts/acceptance.sh || exit; fi
exec swift test -c release --skip-build "$@"
