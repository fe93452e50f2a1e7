"""Sound made and compared here, so that no recording needs to be kept."""

import io
import subprocess
import wave

import numpy as np

RATE = 24_000


def voice_like(seconds: float, seed: int = 1, rate: int = RATE) -> np.ndarray:
    """A buzz of 120 Hz in syllables: enough of a voice for the checks that a recording must pass."""
    random = np.random.default_rng(seed)
    time = np.arange(int(seconds * rate)) / rate
    pitch = 120 + 15 * np.sin(2 * np.pi * 0.7 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    buzz = sum(np.sin(n * phase) / n for n in range(1, 18))
    syllables = 0.55 + 0.45 * np.sin(2 * np.pi * 3.1 * time)
    return (0.25 * buzz * syllables + 0.0005 * random.standard_normal(time.size)).astype(np.float32)


def as_wav(samples: np.ndarray, rate: int = RATE) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return file.getvalue()


def encoded(samples: np.ndarray, *arguments: str) -> bytes:
    """Through ffmpeg to another format: `encoded(x, "-f", "flac")`."""
    return subprocess.run(
        ["ffmpeg", "-v", "error", "-i", "-", *arguments, "-"],
        input=as_wav(samples), stdout=subprocess.PIPE, check=True).stdout


def decoded(data: bytes, *, raw_rate: int | None = None) -> np.ndarray:
    """What ffmpeg hears in a file, at 24 kHz."""
    form = ["-f", "s16le", "-ar", str(raw_rate), "-ac", "1"] if raw_rate else []
    out = subprocess.run(
        ["ffmpeg", "-v", "error", *form, "-i", "-", "-f", "f32le", "-ac", "1", "-ar", str(RATE), "-"],
        input=data, stdout=subprocess.PIPE, check=True).stdout
    return np.frombuffer(out, "<f4")


def likeness(a: np.ndarray, b: np.ndarray, most_lag: float = 0.2) -> tuple[float, float]:
    """The largest correlation of two sounds over lags of at most `most_lag` seconds, and that lag."""
    size = 1 << (len(a) + len(b) - 1).bit_length()
    product = np.fft.irfft(np.fft.rfft(a, size) * np.conj(np.fft.rfft(b, size)), size)
    reach = int(most_lag * RATE)
    lags = np.concatenate([product[: reach + 1], product[-reach:]])
    best = int(np.argmax(lags))
    lag = best if best <= reach else best - len(lags)
    return float(lags[best] / (np.linalg.norm(a) * np.linalg.norm(b))), lag / RATE


def level(samples: np.ndarray) -> float:
    """Decibels of the mean power."""
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-12))
