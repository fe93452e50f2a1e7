"""The PyPI `wyoming` client, unmodified, against a running server: what Home Assistant does."""

import asyncio
import os

import numpy as np
import pytest
from sound import voice_like
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.tts import (
    Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeStopped, SynthesizeVoice,
)


@pytest.fixture()
def wyoming(server):
    """Runs a conversation over one connection."""
    def run(conversation):
        async def connected():
            port = int(os.environ["MYNAH_WYOMING_PORT"])
            async with AsyncTcpClient("127.0.0.1", port, connect_timeout=5, read_timeout=60) as client:
                return await conversation(client)
        return asyncio.run(connected())
    return run


async def until(client, kind):
    """Events up to one of a kind."""
    events = []
    while event := await client.read_event():
        events.append(event)
        if kind.is_type(event.type):
            return events
    raise AssertionError(f"the server closed after {[event.type for event in events]}")


def samples(events):
    chunks = [AudioChunk.from_event(event) for event in events if AudioChunk.is_type(event.type)]
    assert chunks and all((c.width, c.channels) == (2, 1) for c in chunks)
    return chunks[0].rate, np.frombuffer(b"".join(c.audio for c in chunks), "<i2"), len(chunks)


def test_a_ping_comes_back(wyoming):
    async def talk(client):
        await client.write_event(Ping(text="hello").event())
        return Pong.from_event(await client.read_event())
    assert wyoming(talk).text == "hello"


def test_what_there_is_is_described(wyoming):
    async def talk(client):
        await client.write_event(Describe().event())
        return Info.from_event(await client.read_event())
    info = wyoming(talk)
    assert info.tts[0].installed and info.tts[0].supports_synthesize_streaming
    assert info.tts[0].voices and all(voice.languages for voice in info.tts[0].voices)
    assert info.asr[0].models and all(model.languages for model in info.asr[0].models)


def test_every_voice_that_is_described_speaks(wyoming):
    async def talk(client):
        await client.write_event(Describe().event())
        voices = Info.from_event(await client.read_event()).tts[0].voices
        heard = {}
        for voice in voices:
            await client.write_event(Synthesize(text="Hi.", voice=SynthesizeVoice(name=voice.name)).event())
            while True:
                event = await client.read_event()
                if Error.is_type(event.type):
                    heard[voice.name] = Error.from_event(event).text
                    break
                if AudioStop.is_type(event.type):
                    heard[voice.name] = None
                    break
        return heard
    heard = wyoming(talk)
    # A model that only knows described voices says so; it has no voice of its own.
    assert any(error is None for error in heard.values())
    assert all(error is None or "descri" in error.lower() for error in heard.values()), heard


def test_a_text_is_spoken_in_pieces(wyoming):
    async def talk(client):
        await client.write_event(Synthesize(text="Hello there, this is a test.").event())
        return await until(client, AudioStop)
    events = wyoming(talk)
    assert AudioStart.is_type(events[0].type)
    rate, heard, pieces = samples(events)
    assert rate == 24_000 and pieces > 1 and np.abs(heard.astype(int)).max() > 0


def test_a_text_that_comes_in_pieces_is_spoken_before_its_end(wyoming):
    async def talk(client):
        await client.write_event(SynthesizeStart().event())
        await client.write_event(SynthesizeChunk(text="The first sentence. And then ").event())
        early = await until(client, AudioChunk)
        await client.write_event(SynthesizeChunk(text="the second one.").event())
        await client.write_event(Synthesize(text="The first sentence. And then the second one.").event())
        await client.write_event(SynthesizeStop().event())
        return early + await until(client, SynthesizeStopped)
    events = wyoming(talk)
    assert [e.type for e in events if "chunk" not in e.type] == ["audio-start", "audio-stop", "synthesize-stopped"]
    samples(events)


def test_a_recording_is_written_down(wyoming):
    async def talk(client):
        form = {"rate": 16_000, "width": 2, "channels": 1}
        await client.write_event(Transcribe(language="en").event())
        await client.write_event(AudioStart(**form).event())
        sound = (voice_like(2, rate=16_000) * 32_767).astype("<i2").tobytes()
        for start in range(0, len(sound), 2048):
            await client.write_event(AudioChunk(**form, audio=sound[start:start + 2048]).event())
        await client.write_event(AudioStop().event())
        return Transcript.from_event(await client.read_event())
    assert isinstance(wyoming(talk).text, str)


@pytest.mark.parametrize("event", [
    Synthesize(text="a", voice=SynthesizeVoice(name="nobody")),
    Synthesize(text="a", text_format="ssml"),
    Synthesize(text="a" * 100_000),
    Transcribe(name="no-such-model"),
])
def test_what_cannot_be_done_is_said_and_the_conversation_goes_on(wyoming, event):
    async def talk(client):
        await client.write_event(event.event())
        if isinstance(event, Transcribe):
            await client.write_event(AudioStart(rate=16_000, width=2, channels=1).event())
            await client.write_event(AudioStop().event())
        error = Error.from_event(await client.read_event())
        await client.write_event(Ping().event())
        return error, await client.read_event()
    error, pong = wyoming(talk)
    assert error.text and error.code and Pong.is_type(pong.type)


def test_a_length_beyond_its_limit_is_refused(wyoming):
    async def talk(client):
        client._writer.write(b'{"type":"synthesize","data_length":1000000000000}\n')
        await client._writer.drain()
        return Error.from_event(await client.read_event()), await client.read_event()
    error, rest = wyoming(talk)
    assert "longer" in error.text and rest is None
