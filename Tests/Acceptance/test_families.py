"""A model of every family through the server: voices as each of them knows them, dialogues, transcripts."""

import base64
import json
import os
import subprocess
import urllib.request

import openai
import pytest

from conftest import FIXTURES, PROGRAM
from sound import RATE, as_wav, decoded, voice_like

TEXT = "The birch canoe slid on the smooth planks."
DIALOGUE = "Ann: Is it raining?\nBea: It is not.\nAnn: A pity."


@pytest.fixture(scope="module")
def preset(server):
    """A preset of the authors' kind, taken in by the command line."""
    file = FIXTURES / "vibevoice/presets/plain.pt"
    environment = {**os.environ, "MYNAH_HOME": str(server.home / "mynah"), "HF_HOME": str(server.home / "hf")}
    subprocess.run(
        [PROGRAM, "voices", "import", str(file)], env=environment, check=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)
    yield "plain"
    subprocess.run(
        [PROGRAM, "voices", "remove", "plain"], env=environment, check=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)


@pytest.fixture()
def kept(client):
    """Two voices kept by the dialogues' model."""
    made = [
        client.audio.voices.create(
            name=name, consent="she said yes", audio_sample=(f"{name}.wav", as_wav(voice_like(3.5, seed=n))),
            extra_body={"model": "tiny-dialogue"})
        for n, name in enumerate(["ann", "bea"])
    ]
    yield made
    for voice in made:
        client.audio.voices.delete(voice.id)


def speak(client, model, text=TEXT, voice="default", **extra):
    return client.audio.speech.create(
        model=model, voice=voice, input=text, response_format="pcm",
        extra_body={"seed": 5, "max_new_tokens": 400, **extra}).content


def reference(seed):
    return "data:audio/wav;base64," + base64.b64encode(as_wav(voice_like(3.5, seed=seed))).decode()


# Qwen3-TTS: presets, recordings and descriptions have their tests in test_speech.py and test_voices.py.


def test_realtime_speaks_in_a_preset_that_is_kept(server, client, preset):
    assert len(speak(client, "tiny-realtime")) > RATE // 2
    listed = json.load(urllib.request.urlopen(server.url + "/v1/audio/voices", timeout=10))["voices"]
    [voice] = [voice for voice in listed if voice["name"] == preset]
    by_name = speak(client, "tiny-realtime", voice=preset)
    assert len(by_name) > RATE // 2 and speak(client, "tiny-realtime", voice={"id": voice["id"]}) == by_name
    # The tensors are those of the model's own first preset.
    assert by_name == speak(client, "tiny-realtime")


def test_realtime_streams_and_takes_steps_and_guidance(client):
    plain = speak(client, "tiny-realtime")
    assert speak(client, "tiny-realtime", steps=3) != plain
    assert speak(client, "tiny-realtime", cfg_scale=2.5) != plain
    with client.audio.speech.with_streaming_response.create(
        model="tiny-realtime", voice="default", input=TEXT, response_format="pcm", extra_body={"seed": 5},
    ) as answer:
        assert len(b"".join(answer.iter_bytes())) > RATE // 2


def test_realtime_takes_no_recording(client):
    with pytest.raises(openai.BadRequestError):
        speak(client, "tiny-realtime", ref_audio=reference(1))


def test_a_dialogue_model_speaks_in_a_voice_that_is_kept_or_sent(client, kept):
    ann = speak(client, "tiny-dialogue", voice=kept[0].id)
    bea = speak(client, "tiny-dialogue", voice="bea")
    assert len(ann) > RATE // 2 and ann != bea
    assert speak(client, "tiny-dialogue", ref_audio=reference(0)) == ann


def test_a_script_of_several_speakers_is_one_dialogue(client, kept):
    speakers = {"Ann": kept[0].id, "bea": {"id": kept[1].id}}
    spoken = speak(client, "tiny-dialogue", DIALOGUE, speakers=speakers)
    assert len(spoken) > RATE
    # Numbered speakers are the same dialogue; so are recordings instead of what was kept of them.
    numbered = DIALOGUE.replace("Ann", "Speaker 1").replace("Bea", "Speaker 2")
    assert speak(client, "tiny-dialogue", numbered, speakers={"1": "ann", "Speaker 2": "bea"}) == spoken
    sent = {"Ann": {"ref_audio": reference(0)}, "Bea": {"ref_audio": reference(1), "ref_text": "Words."}}
    assert speak(client, "tiny-dialogue", DIALOGUE, speakers=sent) == spoken
    # Who is not named speaks in `voice`; other voices are another dialogue.
    assert speak(client, "tiny-dialogue", DIALOGUE, voice="bea", speakers={"Ann": "ann"}) == spoken
    assert speak(client, "tiny-dialogue", DIALOGUE, speakers={"Ann": "bea", "Bea": "ann"}) != spoken
    assert speak(client, "tiny-dialogue", DIALOGUE, speakers={}) != spoken


def test_a_dialogue_streams_as_sound_and_as_events(client, kept):
    speakers = {"Ann": "ann", "Bea": "bea"}
    spoken = speak(client, "tiny-dialogue", DIALOGUE, speakers=speakers)
    events = [
        json.loads(line[5:]) for line in client.audio.speech.create(
            model="tiny-dialogue", voice="default", input=DIALOGUE, response_format="pcm", stream_format="sse",
            extra_body={"seed": 5, "max_new_tokens": 400, "speakers": speakers}).content.decode().splitlines()
        if line.startswith("data:") and line != "data: [DONE]"
    ]
    assert b"".join(base64.b64decode(event["audio"]) for event in events[:-1]) == spoken
    assert events[-1]["type"] == "speech.audio.done"


@pytest.mark.parametrize("model, text, extra, param", [
    ("tiny-preset", DIALOGUE, {"speakers": {"Ann": "vivian", "Bea": "ryan"}}, "speakers"),
    ("tiny-dialogue", DIALOGUE, {"speakers": {"Ann": "nobody"}}, "speakers"),
    ("tiny-dialogue", "No speaker.", {"speakers": {}}, "input"),
    ("tiny-dialogue", "\n".join(f"{name}: Yes." for name in "ABCDE"), {"speakers": {}}, "speakers"),
    ("tiny-dialogue", DIALOGUE, {"speakers": {}, "ref_audio": reference(1)}, "ref_audio"),
])
def test_a_dialogue_that_cannot_be_is_refused(client, model, text, extra, param):
    with pytest.raises(openai.BadRequestError) as caught:
        speak(client, model, text, **extra)
    assert caught.value.param == param and caught.value.request_id


def test_models_tell_how_many_speakers_they_know(client):
    assert client.models.retrieve("tiny-dialogue").dialogue_speakers == 4
    assert client.models.retrieve("tiny-preset").dialogue_speakers == 1


def test_a_stream_of_a_transcript_tells_speakers(client):
    recording = ("talk.wav", as_wav(voice_like(2.5)), "audio/wav")
    asked = dict(model="tiny-listener", file=recording, response_format="diarized_json")
    whole = client.audio.transcriptions.create(**asked, chunking_strategy="auto")
    events = list(client.audio.transcriptions.create(**asked, stream=True))
    segments = [event for event in events if event.type == "transcript.text.segment"]
    assert [(s.id, s.speaker, s.text) for s in segments] == [(s.id, s.speaker, s.text) for s in whole.segments]
    assert events[-1].type == "transcript.text.done" and events[-1].text == whole.text
