"""What is counted, from requests that are known to the pool of models and back."""

import concurrent.futures
import json
import os
import shutil
import signal
import time
import urllib.request

import openai
import pytest

from conftest import MODELS, Server

TEXT = "The birch canoe slid on the smooth planks."
#: Some ten seconds' work.
LONG = " ".join([TEXT] * 2000)


@pytest.fixture()
def counted(tmp_path):
    server = Server(tmp_path, config={
        "models": {"tiny-preset": {"sessions": 2}}, "limits": {"queue": 1, "text_characters": len(LONG)}})
    yield server
    assert server.stop() == 0


def speak(server, **changes):
    client = openai.OpenAI(base_url=server.url + "/v1", api_key="unused", timeout=60, max_retries=0)
    request = dict(
        model="tiny-preset", voice="vivian", input=TEXT, response_format="pcm", extra_body={"seed": 1})
    return client.audio.speech.with_streaming_response.create(**{**request, **changes})


def settled(server, name, value, **labels):
    end = time.monotonic() + 20
    while server.metric(name, **labels) != value:
        assert time.monotonic() < end, (name, labels, server.metric(name, **labels), value)
        time.sleep(0.05)


def outcome(server, name, value):
    settled(server, "mynah_requests_total", value, model="tiny-preset", outcome=name)


def test_requests_sound_and_processes_are_counted(counted):
    seconds = 0.0
    for n in range(3):
        with speak(counted, input=f"{TEXT} {n}.") as answer:
            seconds += len(answer.read()) / 2 / 24_000
    outcome(counted, "done", 3)
    made = counted.metric("mynah_audio_seconds_total", model="tiny-preset")
    assert abs(made - seconds) < 1e-3
    assert counted.metric("mynah_first_sound_seconds_count", model="tiny-preset") == 3
    assert counted.metric("mynah_request_seconds_count", model="tiny-preset") == 3
    assert counted.metric("mynah_http_requests_total", route="/v1/audio/speech", status="200") == 3
    # One process read the files' heads, and one speaks.
    assert counted.metric("mynah_worker_starts_total", model="tiny-preset") == 2
    assert counted.metric("mynah_worker_crashes_total") == 0
    assert counted.metric("mynah_models", state="ready") == 1
    settled(counted, "mynah_active_requests", 0)

    # What the model refuses failed; who leaves is cancelled; who comes when the line is full is refused.
    with pytest.raises(openai.BadRequestError):
        with speak(counted, extra_body={"language": "klingon"}):
            pass
    outcome(counted, "failed", 1)
    streams = [speak(counted, input=LONG, extra_body={"seed": n}) for n in range(2)]
    sounds = [stream.__enter__().iter_bytes() for stream in streams]
    assert all(next(sound) for sound in sounds)
    settled(counted, "mynah_active_requests", 2, model="tiny-preset")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        waits = pool.submit(lambda: speak(counted, input="It waits.").__enter__().read())
        settled(counted, "mynah_queue_length", 1, model="tiny-preset")
        with pytest.raises(openai.InternalServerError) as caught:
            with speak(counted, input="One too many."):
                pass
        assert caught.value.status_code == 503 and caught.value.code == "queue_full"
        for stream in streams:
            stream.__exit__(None, None, None)
        assert waits.result()
    outcome(counted, "refused", 1)
    outcome(counted, "cancelled", 2)
    outcome(counted, "done", 4)
    assert counted.metric("mynah_clients_left_total") == 2
    settled(counted, "mynah_queue_length", 0)


@pytest.mark.parametrize("number, crashes", [(signal.SIGABRT, 1), (signal.SIGKILL, 1)])
def test_a_process_that_ends_is_counted_with_what_was_in_it(counted, number, crashes):
    with speak(counted, input=LONG) as answer:
        chunks = answer.iter_bytes()
        next(chunks)
        [worker] = counted.workers()
        os.kill(worker, number)
        with pytest.raises(Exception):
            for _ in chunks:
                pass
    outcome(counted, "crashed", 1)
    settled(counted, "mynah_worker_crashes_total", crashes, model="tiny-preset")
    with speak(counted) as answer:
        assert answer.read()
    outcome(counted, "done", 1)
    assert counted.metric("mynah_worker_starts_total", model="tiny-preset") == 3


def test_models_are_read_once_for_all_who_list_them(counted):
    def listed(path):
        return urllib.request.urlopen(counted.url + path, timeout=60).read()

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(listed, ["/v1/models", "/v1/audio/voices"] * 4))
    assert all(answers)
    models = json.loads(listed("/v1/models"))["data"]
    assert set(MODELS) <= {model["id"] for model in models}
    assert counted.metric("mynah_worker_starts_total") == len(models)
    assert counted.workers() == []


def test_a_model_that_cannot_be_read_is_listed_and_not_read_again(tmp_path):
    broken = tmp_path / "mynah/models/broken"
    shutil.copytree(MODELS["tiny-preset"], broken)
    (broken / "model.safetensors").write_bytes(b"\xff" * 100)
    server = Server(tmp_path)
    try:
        for _ in range(3):
            models = json.load(urllib.request.urlopen(server.url + "/v1/models", timeout=60))["data"]
            [listed] = [model for model in models if model["id"] == "broken"]
            assert listed["kind"] == "speech" and "sample_rate" not in listed
        assert server.metric("mynah_worker_starts_total", model="broken") == 1
        with pytest.raises(openai.InternalServerError):
            with speak(server, model="broken"):
                pass
    finally:
        assert server.stop() == 0
