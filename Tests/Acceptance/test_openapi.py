"""The description the server gives of itself, held against what it does."""

import json
import os
import subprocess
import sys
import urllib.request

import pytest

from conftest import Server


def test_the_description_names_every_route(server):
    described = json.load(urllib.request.urlopen(server.url + "/openapi.json", timeout=10))
    assert described["openapi"].startswith("3.")
    for path in [
        "/v1/audio/speech", "/v1/audio/transcriptions", "/v1/audio/translations", "/v1/models",
        "/v1/models/{model}", "/v1/audio/voices", "/v1/audio/voice_consents", "/health", "/ready", "/metrics",
        "/openapi.json",
    ]:
        assert path in described["paths"], path


@pytest.mark.parametrize("seed", [1])
def test_schemathesis_finds_no_answer_that_is_not_described(tmp_path, seed):
    # A server of its own: what is made here stays.
    server = Server(tmp_path)
    examples = os.environ.get("MYNAH_SCHEMATHESIS_EXAMPLES", "25")
    run = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "run", server.url + "/openapi.json", "--checks", "all",
            "--max-examples", examples, "--seed", str(seed), "--phases", "examples,coverage,fuzzing",
            "--request-timeout", "60", "--generation-deterministic", "--no-color",
        ],
        cwd=server.home,
        env={**os.environ, "SCHEMATHESIS_HOOKS": "schema_hooks", "PYTHONPATH": os.path.dirname(__file__)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900)
    server.stop()
    assert run.returncode == 0, run.stdout[-12000:]
