"""Speech through the official client."""

import asyncio
import base64
import json
import time
import wave
import io

import numpy as np
import openai
import pytest

from sound import RATE, as_wav, decoded, level, likeness, voice_like

TEXT = "The birch canoe slid on the smooth planks."
FORMATS = ["mp3", "opus", "aac", "flac", "wav", "pcm"]
MEDIA = {
    "mp3": "audio/mpeg", "opus": "audio/ogg", "aac": "audio/aac", "flac": "audio/flac", "wav": "audio/wav",
    "pcm": "audio/pcm",
}


def speak(client, **changes):
    request = dict(
        model="tiny-preset", voice="alloy", input=TEXT, response_format="wav", extra_body={"seed": 7})
    return client.audio.speech.create(**{**request, **changes})


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_decodes_to_the_same_sound(client, form):
    reference = decoded(speak(client).content)
    assert len(reference) > RATE // 4
    answer = speak(client, response_format=form)
    assert answer.response.headers["content-type"].split(";")[0] == MEDIA[form]
    sound = decoded(answer.content, raw_rate=RATE if form == "pcm" else None)
    if form in ("flac", "wav", "pcm"):
        assert np.array_equal(sound, reference)
        return
    # The delay of a codec that cannot say so lies before, its last block behind.
    assert abs(len(sound) - len(reference)) < 0.15 * RATE
    alike, lag = likeness(sound, reference)
    assert alike > 0.6, f"{form}: {alike} at {lag} s"
    assert abs(level(sound) - level(reference)) < 3


def test_mp3_is_what_is_given_when_no_format_is_named(client):
    answer = client.audio.speech.create(model="tiny-preset", voice="alloy", input=TEXT)
    assert answer.response.headers["content-type"].split(";")[0] == "audio/mpeg"


def test_a_seed_gives_the_same_sound_again_and_another_seed_another(client):
    first = speak(client, response_format="pcm").content
    assert speak(client, response_format="pcm").content == first
    assert speak(client, response_format="pcm", extra_body={"seed": 8}).content != first


@pytest.mark.parametrize("form", FORMATS)
def test_the_first_bytes_of_sound_leave_while_the_rest_is_made(server, client, form):
    text = " ".join([TEXT] * 60)
    with client.audio.speech.with_streaming_response.create(
        model="tiny-preset", voice="alloy", input=text, response_format=form, extra_body={"seed": 7},
    ) as answer:
        chunks = answer.iter_bytes()
        first = next(chunks)
        # A container's own beginning is no sound yet.
        while len(first) < 2000:
            first += next(chunks)
        assert server.metric("mynah_requests_active") >= 1
        rest = b"".join(chunks)
    assert len(rest) > len(first)
    assert len(decoded(first + rest, raw_rate=RATE if form == "pcm" else None)) > 3 * RATE


def test_events_carry_the_same_sound_and_end_with_the_usage(client):
    whole = speak(client, response_format="pcm").content
    answer = speak(client, response_format="pcm", stream_format="sse")
    assert answer.response.headers["content-type"].split(";")[0] == "text/event-stream"
    events = [
        json.loads(line[5:]) for line in answer.content.decode().splitlines()
        if line.startswith("data:") and line != "data: [DONE]"
    ]
    deltas, done = events[:-1], events[-1]
    assert {event["type"] for event in deltas} == {"speech.audio.delta"} and len(deltas) > 1
    assert b"".join(base64.b64decode(event["audio"]) for event in deltas) == whole
    assert done["type"] == "speech.audio.done"
    usage = done["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"] > 0


def test_work_stops_when_the_listener_leaves(server, client):
    text = " ".join([TEXT] * 90)
    with client.audio.speech.with_streaming_response.create(
        model="tiny-preset", voice="alloy", input=text, response_format="pcm",
    ) as answer:
        next(answer.iter_bytes())
        made = server.metric("mynah_audio_seconds_total")
    deadline = time.monotonic() + 30
    while server.metric("mynah_requests_active") > 0:
        assert time.monotonic() < deadline, "the request goes on without a listener"
        time.sleep(0.02)
    assert server.metric("mynah_audio_seconds_total") - made < 200


@pytest.mark.parametrize("speed", [0.25, 0.5, 1.5, 4.0])
def test_speed_changes_the_length_and_nothing_else(client, speed):
    plain = decoded(speak(client, response_format="wav").content)
    changed = decoded(speak(client, response_format="wav", speed=speed).content)
    assert abs(len(changed) * speed - len(plain)) < 0.12 * len(plain) + 0.1 * RATE * speed
    assert abs(level(changed) - level(plain)) < 4


def test_a_wav_says_its_length_when_it_is_known_and_reads_as_one_either_way(client):
    content = speak(client).content
    with wave.open(io.BytesIO(content)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)


def test_a_voice_is_named_by_a_string_or_an_object(client):
    by_name = speak(client, voice="vivian", response_format="pcm").content
    assert speak(client, voice={"id": "vivian"}, response_format="pcm").content == by_name


def test_a_reference_in_the_request_is_cloned(client):
    data = "data:audio/wav;base64," + base64.b64encode(as_wav(voice_like(4))).decode()
    extra = {"seed": 7, "ref_audio": data, "ref_text": "It never rains in here."}
    assert len(decoded(speak(client, model="tiny-base", voice="default", extra_body=extra).content)) > 0


def test_a_voice_is_designed_by_instructions(client):
    answer = speak(client, model="tiny-design", voice="default", instructions="an old sailor, slow and warm")
    assert len(decoded(answer.content)) > 0


def test_sampling_and_language_are_taken_at_the_top_level(client):
    extra = {"seed": 7, "language": "english", "temperature": 0.7, "top_k": 20, "top_p": 0.9}
    assert speak(client, extra_body=extra, response_format="pcm").content


async def test_many_at_once_sound_as_they_do_alone(server):
    client = openai.AsyncOpenAI(base_url=server.url + "/v1", api_key="unused", timeout=120)
    texts = [f"Sentence number {n} stands for itself." for n in range(12)]

    async def one(text):
        answer = await client.audio.speech.create(
            model="tiny-preset", voice="vivian", input=text, response_format="pcm", extra_body={"seed": 3})
        return answer.content

    together = await asyncio.gather(*[one(text) for text in texts])
    alone = [await one(text) for text in texts]
    assert together == alone
    await client.close()
