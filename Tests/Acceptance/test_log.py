"""What stands in the log."""

import base64
import socket

import openai
import pytest

from conftest import Server
from sound import as_wav, voice_like

SAID = "Zanzibar pelicans never hum."
HINT = "ocelot marmalade"
REFERENCE = "Quixotic walruses yodel."
RECORDING = as_wav(voice_like(3.5))
ENCODED = base64.b64encode(RECORDING).decode()


def use(server: Server) -> list[str]:
    """Requests of every kind; gives what was written down."""
    client = openai.OpenAI(base_url=server.url + "/v1", api_key="unused", timeout=60)
    speech = dict(model="tiny-preset", voice="vivian", input=SAID, response_format="pcm")
    client.audio.speech.create(**speech)
    client.audio.speech.create(**speech, stream_format="sse")
    client.audio.speech.create(
        **{**speech, "model": "tiny-base", "voice": "default"},
        extra_body={"ref_audio": "data:audio/wav;base64," + ENCODED, "ref_text": REFERENCE})
    client.audio.voices.create(
        name="ann", consent="yes", audio_sample=("a.wav", RECORDING), extra_body={"ref_text": REFERENCE})
    for changes in [{"voice": "nobody"}, {"extra_body": {"language": "klingon"}}, {"input": SAID * 400}]:
        with pytest.raises(openai.BadRequestError):
            client.audio.speech.create(**{**speech, **changes})
    written = client.audio.transcriptions.create(
        model="tiny-listener", file=("a.wav", RECORDING), prompt=HINT, response_format="text")
    events = client.audio.transcriptions.create(
        model="tiny-listener", file=("a.wav", RECORDING), prompt=HINT, stream=True)
    assert list(events)[-1].text.strip() == written.strip()
    assert written.strip()
    return written.strip().splitlines()


def test_neither_text_nor_sound_is_logged_at_any_level(tmp_path):
    server = Server(tmp_path, "--log-level", "trace")
    written = use(server)
    assert server.stop() == 0
    log = server.log.read_text()
    assert "path=/v1/audio/speech" in log and "trace" in log
    for secret in [SAID, "Zanzibar", HINT, "ocelot", REFERENCE, ENCODED[64:128], *written]:
        assert secret not in log, secret


def test_text_is_logged_where_the_settings_say_so(tmp_path):
    server = Server(tmp_path, "--log-content")
    written = use(server)
    assert server.stop() == 0
    log = server.log.read_text()
    assert f"input={SAID}" in log
    assert written[0] in log
    assert ENCODED[64:128] not in log


def test_what_is_answered_before_any_route_stands_in_the_log(tmp_path):
    server = Server(tmp_path, MYNAH_LIMITS_RECEIVE_SECONDS="1")

    def send(text: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as wire:
            wire.sendall(text)
            return b"".join(iter(lambda: wire.recv(65536), b""))

    assert b" 400 " in send(b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\nX-Request-Id: two-hosts\r\n\r\n")
    assert b" 408 " in send(
        b"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: too-slow\r\n"
        b"Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{")
    assert server.stop() == 0
    lines = {name: [line for line in server.log.read_text().splitlines() if name in line]
             for name in ("two-hosts", "too-slow")}
    for name, status, code in [("two-hosts", 400, "malformed_request"), ("too-slow", 408, "request_timeout")]:
        assert len(lines[name]) == 1, lines[name]
        assert f"status={status}" in lines[name][0] and f"code={code}" in lines[name][0]
        assert "error" not in lines[name][0]
