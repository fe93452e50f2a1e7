"""Voices and consents through the official client."""

import json
import urllib.request

import openai
import pytest

from sound import as_wav, decoded, voice_like


@pytest.fixture()
def consent(client):
    made = client.audio.voice_consents.create(
        name="Ann says yes", language="en-GB", recording=("yes.wav", as_wav(voice_like(2)), "audio/wav"))
    yield made
    client.audio.voice_consents.delete(made.id)


def test_a_consent_is_kept_listed_renamed_and_forgotten(client):
    made = client.audio.voice_consents.create(
        name="first", language="en-US", recording=("yes.wav", as_wav(voice_like(2)), "audio/wav"))
    assert made.object == "audio.voice_consent" and made.id.startswith("cons_")
    assert client.audio.voice_consents.retrieve(made.id).name == "first"
    assert client.audio.voice_consents.update(made.id, name="second").name == "second"
    assert made.id in [item.id for item in client.audio.voice_consents.list(limit=100)]
    assert client.audio.voice_consents.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.audio.voice_consents.retrieve(made.id)


def test_lists_go_on_page_by_page(client):
    made = [
        client.audio.voice_consents.create(
            name=f"page {n}", language="en", recording=("yes.wav", as_wav(voice_like(2)), "audio/wav"))
        for n in range(3)
    ]
    try:
        listed = [item.id for item in client.audio.voice_consents.list(limit=1)]
        assert {item.id for item in made} <= set(listed) and len(listed) == len(set(listed))
    finally:
        for item in made:
            client.audio.voice_consents.delete(item.id)


def test_a_voice_is_cloned_spoken_with_and_forgotten(server, client, consent):
    voice = client.audio.voices.create(
        name="ann", consent=consent.id, audio_sample=("ann.wav", as_wav(voice_like(5)), "audio/wav"))
    assert voice.object == "audio.voice" and voice.id.startswith("voice_") and voice.name == "ann"
    answer = client.audio.speech.create(
        model="tiny-base", voice={"id": voice.id}, input="Rain again.", response_format="wav")
    assert len(decoded(answer.content)) > 0
    listed = json.load(urllib.request.urlopen(server.url + "/v1/audio/voices", timeout=10))["voices"]
    assert voice.id in [item["id"] for item in listed]
    gone = client.audio.voices.delete(voice.id)
    assert gone.deleted and gone.object == "audio.voice.deleted"
    with pytest.raises(openai.BadRequestError):
        client.audio.speech.create(model="tiny-base", voice={"id": voice.id}, input="Rain again.")


def test_a_voice_without_consent_is_refused(client):
    with pytest.raises(openai.BadRequestError) as caught:
        client.audio.voices.create(
            name="bob", consent="cons_nobody", audio_sample=("bob.wav", as_wav(voice_like(5)), "audio/wav"))
    assert caught.value.param == "consent"


def test_a_voice_is_described_in_words(client):
    voice = client.audio.voices.create(name="sailor", type="prompt", prompt="an old sailor, slow and warm")
    try:
        assert voice.type == "prompt"
        answer = client.audio.speech.create(
            model="tiny-design", voice={"id": voice.id}, input="Rain again.", response_format="wav")
        assert len(decoded(answer.content)) > 0
    finally:
        client.audio.voices.delete(voice.id)


@pytest.mark.parametrize("bad", ["../etc", "voice_%2e%2e", "a/b", "voice_" + "x" * 100])
def test_an_id_that_is_none_is_not_found(client, bad):
    with pytest.raises((openai.NotFoundError, openai.BadRequestError)):
        client.audio.voices.delete(bad)


def test_silence_is_no_voice(client, consent):
    import numpy as np
    with pytest.raises(openai.BadRequestError) as caught:
        client.audio.voices.create(
            name="nobody", consent=consent.id, audio_sample=("no.wav", as_wav(np.zeros(96_000)), "audio/wav"))
    assert "silent" in caught.value.message
