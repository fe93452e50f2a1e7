"""Transcription through the official client. What the tiny model hears is noise; its forms are not."""

import re

import pytest

from sound import as_wav, encoded, voice_like


@pytest.fixture(scope="module")
def recording():
    return as_wav(voice_like(2.5))


def transcribe(client, recording, **changes):
    request = dict(model="tiny-listener", file=("talk.wav", recording, "audio/wav"))
    return client.audio.transcriptions.create(**{**request, **changes})


def test_json_is_what_is_given_when_no_form_is_named(client, recording):
    answer = transcribe(client, recording)
    assert isinstance(answer.text, str)
    assert answer.usage.type in ("duration", "tokens")


@pytest.mark.parametrize("form", ["text", "srt", "vtt"])
def test_plain_forms_are_strings(client, recording, form):
    answer = transcribe(client, recording, response_format=form)
    assert isinstance(answer, str)
    if form == "vtt":
        assert answer.startswith("WEBVTT")


def test_verbose_json_has_segments_and_the_length(client, recording):
    answer = transcribe(
        client, recording, response_format="verbose_json", timestamp_granularities=["segment"])
    assert abs(float(answer.duration) - 2.5) < 0.05
    assert answer.segments is not None
    for segment in answer.segments:
        assert segment.start <= segment.end


def test_diarized_json_names_speakers(client, recording):
    answer = transcribe(client, recording, response_format="diarized_json", chunking_strategy="auto")
    assert abs(answer.duration - 2.5) < 0.05
    for segment in answer.segments:
        assert segment.type == "transcript.text.segment" and isinstance(segment.id, str) and segment.speaker


def test_a_stream_ends_with_the_whole_text(client, recording):
    events = list(transcribe(client, recording, stream=True))
    assert events[-1].type == "transcript.text.done"
    assert {event.type for event in events[:-1]} <= {"transcript.text.delta", "transcript.text.segment"}
    assert transcribe(client, recording).text == events[-1].text


@pytest.mark.parametrize("arguments", [
    ["-f", "flac"], ["-f", "mp3"], ["-f", "ogg", "-c:a", "libopus"], ["-f", "adts"], ["-f", "webm", "-c:a", "libopus"],
    ["-f", "wav", "-ar", "8000", "-ac", "2"],
])
def test_recordings_of_any_common_kind_are_heard(client, arguments):
    data = encoded(voice_like(1.5), *arguments)
    assert isinstance(transcribe(client, data, file=(f"talk.{arguments[1]}", data)).text, str)


def test_every_field_of_the_client_arrives(client, recording):
    answer = transcribe(
        client, recording, language="en", prompt="canoe, planks", temperature=0.0, response_format="json",
        extra_body={"keywords": ["birch", "canoe"]})
    assert isinstance(answer.text, str)


def test_a_translation_is_refused_in_words_or_given(client, recording):
    import openai
    try:
        answer = client.audio.translations.create(model="tiny-listener", file=("talk.wav", recording))
        assert isinstance(answer.text, str)
    except openai.BadRequestError as error:
        assert re.search("translat", error.message)


def test_what_is_no_recording_is_refused(client):
    import openai
    with pytest.raises(openai.BadRequestError) as caught:
        transcribe(client, b"", file=("talk.wav", b"\x89PNG\r\n\x1a\n" + bytes(500)))
    assert caught.value.param == "file" and caught.value.request_id
