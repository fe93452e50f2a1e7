"""Every class of error as the official client sees it."""

import openai
import pytest


def refused(call, kind, *, param=None, code=None):
    with pytest.raises(kind) as caught:
        call()
    error = caught.value
    assert type(error) is kind
    assert error.message and error.request_id
    if param:
        assert error.param == param
    if code:
        assert error.code == code
    return error


def speech(client, **changes):
    request = dict(model="tiny-preset", voice="vivian", input="Rain.", response_format="pcm")
    return lambda: client.audio.speech.create(**{**request, **changes})


def test_a_model_that_is_not_there(client):
    error = refused(speech(client, model="nobody"), openai.NotFoundError, param="model", code="model_not_found")
    assert "tiny-preset" in error.message


def test_a_voice_that_is_not_there(client):
    error = refused(speech(client, voice="bob"), openai.BadRequestError, param="voice")
    assert "vivian" in error.message


@pytest.mark.parametrize("changes, param", [
    ({"input": ""}, "input"),
    ({"input": "x" * 4097}, "input"),
    ({"response_format": "midi"}, "response_format"),
    ({"speed": 9.0}, "speed"),
    ({"speed": 0.1}, "speed"),
    ({"stream_format": "smoke"}, "stream_format"),
    ({"extra_body": {"seed": "seven"}}, "seed"),
    ({"extra_body": {"temperature": -1}}, "temperature"),
    ({"extra_body": {"language": "klingon"}}, "language"),
    ({"extra_body": {"sped": 1.0}}, "sped"),
    ({"extra_body": {"ref_audio": "https://example.org/a.wav"}}, "ref_audio"),
    ({"extra_body": {"ref_audio": "file:///etc/passwd"}}, "ref_audio"),
    ({"voice": "../../etc/passwd"}, "voice"),
])
def test_a_field_that_cannot_be_honoured_is_named(client, changes, param):
    refused(speech(client, **changes), openai.BadRequestError, param=param)


def test_a_model_that_listens_does_not_speak(client):
    refused(speech(client, model="tiny-listener"), openai.BadRequestError, param="model")


def test_keys_are_asked_for_and_compared(guarded):
    def client(key):
        return openai.OpenAI(base_url=guarded.url + "/v1", api_key=key, timeout=60, max_retries=0)

    refused(speech(client("wrong")), openai.AuthenticationError, code="invalid_api_key")
    assert speech(client("second-key-0123456789"))().content


def test_another_address_without_a_key_is_refused(tmp_path):
    from conftest import Server
    with pytest.raises(RuntimeError, match="--insecure-no-auth"):
        Server(tmp_path, "--host", "0.0.0.0")


def test_a_full_queue_says_when_to_come_back(tmp_path):
    import concurrent.futures
    from conftest import Server
    server = Server(tmp_path, config={"limits": {"queue": 1}, "models": {"tiny-preset": {"sessions": 1}}})
    try:
        client = openai.OpenAI(base_url=server.url + "/v1", api_key="unused", timeout=60, max_retries=0)
        text = "The birch canoe slid on the smooth planks. " * 40
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            calls = [pool.submit(speech(client, input=text + str(n))) for n in range(12)]
            errors = [call.exception() for call in calls]
        refusals = [error for error in errors if error]
        assert refusals and len(refusals) < 12
        for error in refusals:
            assert isinstance(error, openai.InternalServerError) and error.status_code == 503
            assert int(error.response.headers["retry-after"]) >= 1
    finally:
        server.stop()
