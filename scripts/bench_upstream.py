#!/usr/bin/env python3
"""Times the authors' own package (PyPI `qwen-tts`) on a checkpoint and prints one line of JSON.

    bench_upstream.py CHECKPOINT [--dtype bfloat16|float32] [--threads N] [--frames N]

`mynah bench --compare-upstream` runs it. Seconds are sums over the run; stages are timed around the calls that
the package makes, so its own loops count towards the stage they serve.
"""

import argparse
import contextlib
import importlib.machinery
import importlib.util
import io
import json
import os
import resource
import sys
import time
import types

TEXT = "Message number one: the harbour lights went out."


def stand_in(*names):
    """Empty modules for packages that only the 25 Hz tokenizer needs, where they are not installed."""
    for name in names:
        if name.split(".")[0] in sys.modules or importlib.util.find_spec(name.split(".")[0]) is None:
            module = types.ModuleType(name)
            module.__spec__ = importlib.machinery.ModuleSpec(name, None)
            sys.modules[name] = module
            parent, _, leaf = name.rpartition(".")
            if parent:
                setattr(sys.modules[parent], leaf, module)


class Stopwatch:
    """Seconds spent in wrapped methods, by stage."""

    def __init__(self):
        self.spent = {}
        self.rows = 0

    def watch(self, owner, method, stage):
        inner = getattr(owner, method)

        def timed(*args, **kwargs):
            name = stage(kwargs) if callable(stage) else stage
            start = time.perf_counter()
            try:
                return inner(*args, **kwargs)
            finally:
                self.spent[name] = self.spent.get(name, 0.0) + time.perf_counter() - start

        setattr(owner, method, timed)

    def talker_stage(self, kwargs):
        """The first call of an utterance has the whole prompt, every later one a row."""
        rows = kwargs["inputs_embeds"].shape[1]
        if rows > 1:
            self.rows = rows
            return "prefill"
        return "talker"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint")
    parser.add_argument("--dtype", choices=["bfloat16", "float32"], default="bfloat16")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--frames", type=int, default=60)
    return parser.parse_args()


def call(tts, frames):
    """One utterance of `frames` frames: the package never expands the last token it draws."""
    limit = dict(max_new_tokens=frames + 1, language="English", non_streaming_mode=True)
    kind = tts.model.tts_model_type
    if kind == "custom_voice":
        return tts.generate_custom_voice(text=TEXT, speaker=tts.get_supported_speakers()[0], **limit)
    if kind == "voice_design":
        return tts.generate_voice_design(text=TEXT, instruct="A calm, low voice.", **limit)
    raise SystemExit("bench_upstream.py: give a custom_voice or voice_design checkpoint, which needs no recording")


def main():
    options = arguments()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    stand_in("sox", "onnxruntime", "torchaudio", "torchaudio.compliance", "torchaudio.compliance.kaldi")
    try:
        import torch

        with contextlib.redirect_stdout(io.StringIO()):  # a banner about flash attention
            from qwen_tts import Qwen3TTSModel
    except ImportError as missing:
        raise SystemExit(f"bench_upstream.py: {missing}")
    torch.set_num_threads(options.threads)

    start = time.perf_counter()
    tts = Qwen3TTSModel.from_pretrained(
        options.checkpoint, dtype=getattr(torch, options.dtype), attn_implementation="sdpa")
    load = time.perf_counter() - start

    model, talker = tts.model, tts.model.talker
    end = model.config.talker_config.codec_eos_token_id

    def forbid_end(module, inputs, scores):
        scores[..., end] = float("-inf")
        return scores

    talker.codec_head.register_forward_hook(forbid_end)
    watch = Stopwatch()
    watch.watch(talker.model, "forward", watch.talker_stage)
    watch.watch(talker.code_predictor, "generate", "predictor")
    watch.watch(model.speech_tokenizer, "decode", "codec")

    torch.manual_seed(1)
    call(tts, 3)
    watch.spent.clear()
    start = time.perf_counter()
    waves, rate = call(tts, options.frames)
    seconds = time.perf_counter() - start
    audio = len(waves[0]) / rate
    scale = 1 if sys.platform == "darwin" else 1024
    print(json.dumps({
        "dtype": options.dtype, "threads": options.threads, "frames": round(audio * 12.5), "load": load,
        "audio": audio, "seconds": seconds, "prefill": watch.spent.get("prefill", 0.0), "promptRows": watch.rows,
        "talker": watch.spent.get("talker", 0.0), "predictor": watch.spent.get("predictor", 0.0),
        "codec": watch.spent.get("codec", 0.0),
        "peakResident": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale,
    }))


if __name__ == "__main__":
    main()
