#!/usr/bin/env bash
# Clients as they are published (openai, wyoming, schemathesis, a browser), against the program that was built.
# Arguments go to pytest. Screenshots and logs: MYNAH_TEST_OUTPUT, or .build/test-output.
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/environment.sh"
cd "$MYNAH_ROOT" || exit
tests=Tests/Acceptance
folder="$MYNAH_DEPS/acceptance"

packages=""
for pair in ffmpeg:ffmpeg chromium:chromium chromedriver:chromium-driver curl:curl; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || packages="$packages ${pair##*:}"
done
if [ -n "$packages" ] && [ "$(uname -s)" = Linux ]; then install_with_apt "$packages"; fi

wanted="$(cksum <"$tests/requirements.txt") $(python3 --version)"
if [ "$(cat "$folder/made-from" 2>/dev/null)" != "$wanted" ]; then
    say "Fetching the clients through pip"
    rm -rf "$folder"
    python3 -m venv "$folder" || fail "python3 cannot make a virtual environment" "apt-get install python3-venv"
    logged acceptance "Check the network and 'python3 -m pip config list'." \
        "$folder/bin/python" -m pip install --disable-pip-version-check --progress-bar off -r "$tests/requirements.txt"
    printf '%s' "$wanted" >"$folder/made-from"
fi

export MYNAH_PROGRAM="${MYNAH_PROGRAM:-$MYNAH_ROOT/.build/release/mynah}"
export MYNAH_TEST_OUTPUT="${MYNAH_TEST_OUTPUT:-$MYNAH_ROOT/.build/test-output}"
mkdir -p "$MYNAH_TEST_OUTPUT"
if [ "$#" -eq 0 ]; then set -- "$tests"; fi
exec "$folder/bin/python" -m pytest -c "$tests/pytest.ini" "$@"
