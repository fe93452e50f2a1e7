"""Uploads on disk: a quota, and nothing left behind."""

import base64
import json
import os
import pathlib
import urllib.error
import urllib.request

import openai
import pytest

from conftest import Server
from sound import as_wav, voice_like

#: Longer than what may be on disk, and shorter.
LONG, SHORT = as_wav(voice_like(5)), as_wav(voice_like(1))


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    home = tmp_path_factory.mktemp("small")
    (home / "tmp").mkdir()
    server = Server(
        home, config={"limits": {"temporary_bytes": len(LONG) - 1}}, TMPDIR=str(home / "tmp"))
    yield server
    assert server.stop() == 0
    assert list((home / "tmp").iterdir()) == []


def files(server: Server) -> list[pathlib.Path]:
    return [path for path in (server.home / "tmp").rglob("*") if path.is_file()]


def no_room(caught) -> None:
    error = caught.value
    assert error.status_code == 503 and error.code == "no_space" and error.request_id
    assert error.response.headers["retry-after"] == "5"


def test_an_upload_beyond_the_room_is_refused_and_goes(small):
    client = openai.OpenAI(base_url=small.url + "/v1", api_key="unused", timeout=60, max_retries=0)
    data = "data:audio/wav;base64," + base64.b64encode(LONG).decode()
    asked = [
        lambda: client.audio.transcriptions.create(model="tiny-listener", file=("long.wav", LONG)),
        lambda: client.audio.voice_consents.create(name="a", language="en", recording=("long.wav", LONG)),
        lambda: client.audio.voices.create(name="a", consent="words", audio_sample=("long.wav", LONG)),
        lambda: client.audio.speech.create(
            model="tiny-base", voice="default", input="Rain.", extra_body={"ref_audio": data}),
    ]
    for ask in asked:
        with pytest.raises(openai.InternalServerError) as caught:
            ask()
        no_room(caught)
        assert files(small) == []
    # What was refused takes no room from what comes after.
    for _ in range(3):
        answer = client.audio.transcriptions.create(model="tiny-listener", file=("short.wav", SHORT))
        assert isinstance(answer.text, str)
    assert files(small) == []


def test_a_form_that_breaks_off_leaves_nothing(small):
    import socket
    import time
    head = (
        "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90000\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        '--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n').encode()
    with socket.create_connection(("127.0.0.1", small.port), timeout=10) as client:
        client.sendall(head + LONG[:50_000])
        end = time.monotonic() + 10
        while not files(small):
            assert time.monotonic() < end, "nothing is kept while it arrives"
            time.sleep(0.01)
    end = time.monotonic() + 10
    while files(small):
        assert time.monotonic() < end, "what nobody waits for stays"
        time.sleep(0.01)
