#!/usr/bin/env python3
"""Times VibeVoice as PyPI's `transformers` publishes it, in the shape of a checkpoint, and prints one line of JSON.

    bench_upstream_vibevoice.py CHECKPOINT [--dtype bfloat16|float32] [--threads N] [--frames N] [--steps N]

`mynah bench --compare-upstream` runs it. The modules are the package's own (`Qwen2Model`, the audio tokenizers, the
diffusion head, the connectors); it has no class for the realtime model, so the loop between them is written here as the
authors' is: rows with text and without go through the language model one after the other. Weights are drawn anew,
since speed does not depend on them. Seconds are sums over the run.
"""

import argparse
import json
import os
import resource
import sys
import time


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint")
    parser.add_argument("--dtype", choices=["bfloat16", "float32"], default="bfloat16")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--steps", type=int, default=5)
    return parser.parse_args()


def tokenizer_shape(config):
    shape = dict(
        channels=config["channels"], hidden_size=config["vae_dim"], kernel_size=7,
        rms_norm_eps=config["layernorm_eps"], num_filters=config["encoder_n_filters"],
        downsampling_ratios=config["encoder_ratios"][::-1],
        depths=[int(depth) for depth in config["encoder_depths"].split("-")])
    if config.get("fix_std"):
        shape["vae_std"] = config["fix_std"] / 0.8
    return shape


class Model:
    """The modules of a checkpoint's shape."""

    def __init__(self, config, dtype):
        import torch
        from transformers import AutoModel, Qwen2Config, Qwen2Model
        from transformers import VibeVoiceAcousticTokenizerConfig, VibeVoiceAcousticTokenizerEncoderConfig
        from transformers import VibeVoiceAcousticTokenizerModel
        from transformers.models.vibevoice.configuration_vibevoice import VibeVoiceDiffusionHeadConfig
        from transformers.models.vibevoice.modeling_vibevoice import VibeVoiceDiffusionHead
        from transformers.models.vibevoice.modeling_vibevoice import VibeVoiceMultiModalProjector

        def made(module):
            return module.to(dtype).eval()

        def stack(layers):
            keep = ("hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads", "rms_norm_eps",
                    "max_position_embeddings", "rope_theta")
            shape = Qwen2Config(
                num_hidden_layers=layers, vocab_size=64, attn_implementation="sdpa",
                **{key: language[key] for key in keep})
            return made(Qwen2Model(shape))

        language, head = config["decoder_config"], config["diffusion_head_config"]
        width, upper = language["hidden_size"], config.get("tts_backbone_num_hidden_layers")
        torch.set_default_dtype(dtype)
        self.width, self.latent = width, head["latent_size"]
        self.lower = stack(language["num_hidden_layers"] - upper) if upper else None
        self.language = stack(upper or language["num_hidden_layers"])
        self.head = made(VibeVoiceDiffusionHead(VibeVoiceDiffusionHeadConfig(
            hidden_size=width, latent_size=head["latent_size"], num_hidden_layers=head["head_layers"],
            intermediate_size=int(width * head["head_ffn_ratio"]), rms_norm_eps=head["rms_norm_eps"])))
        acoustic = config["acoustic_tokenizer_config"]
        self.decoder = made(VibeVoiceAcousticTokenizerModel(
            VibeVoiceAcousticTokenizerConfig(**tokenizer_shape(acoustic))))
        self.decoder.encoder = None
        self.connector = made(VibeVoiceMultiModalProjector(acoustic["vae_dim"], width))
        self.listener = None
        if "semantic_tokenizer_config" in config:
            semantic = config["semantic_tokenizer_config"]
            self.listener = made(AutoModel.from_config(
                VibeVoiceAcousticTokenizerEncoderConfig(**tokenizer_shape(semantic))))
            self.listener_connector = made(VibeVoiceMultiModalProjector(semantic["vae_dim"], width))


class Stopwatch:
    """Seconds spent, by stage."""

    def __init__(self):
        self.spent = {}

    def __call__(self, stage, work):
        start = time.perf_counter()
        result = work()
        self.spent[stage] = self.spent.get(stage, 0.0) + time.perf_counter() - start
        return result


def speak(model, watch, prompt, frames, steps, guidance=1.3):
    """So many frames after a prompt; text of the realtime model comes in windows of five rows, one for six frames."""
    import torch
    from transformers.cache_utils import DynamicCache

    caches = {name: DynamicCache() for name in ("lower", "positive", "negative")}

    def rows(stack, cache, x):
        return stack(inputs_embeds=x, past_key_values=caches[cache], use_cache=True).last_hidden_state[:, -1]

    def latent(positive, negative):
        x, condition = torch.randn(1, model.latent), torch.cat([positive, negative])
        for step in range(steps):
            times = torch.full((2,), float(999 * (steps - step) // steps))
            v = model.head(torch.cat([x, x]), times, condition=condition)
            x = x - (v[1:] + guidance * (v[:1] - v[1:])) / steps
        return x

    positive = watch("prefill", lambda: rows(model.language, "positive", torch.randn(1, prompt, model.width)))
    negative = watch("prefill", lambda: rows(model.language, "negative", torch.randn(1, 1, model.width)))
    sound_cache = heard_cache = None
    for frame in range(frames):
        if model.lower is not None and frame % 6 == 0:
            text = torch.randn(1, 5, model.width)
            watch("prefill", lambda: rows(model.lower, "lower", text))
            positive = watch("prefill", lambda: rows(model.language, "positive", text))
        x = watch("predictor", lambda: latent(positive, negative))
        sound = watch("codec", lambda: model.decoder.decode(x[None], padding_cache=sound_cache, use_cache=True))
        sound_cache = sound.padding_cache
        row = watch("talker", lambda: model.connector(x[None]))
        if model.listener is not None:
            heard = watch("listener", lambda: model.listener(
                sound.audio, padding_cache=heard_cache, use_cache=True))
            heard_cache = heard.padding_cache
            row = row + watch("talker", lambda: model.listener_connector(heard.latents))
        positive = watch("talker", lambda: rows(model.language, "positive", row))
        negative = watch("talker", lambda: rows(model.language, "negative", row))


def main():
    options = arguments()
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    try:
        import torch
        import transformers  # noqa: F401
    except ImportError as missing:
        raise SystemExit(f"bench_upstream_vibevoice.py: {missing}")
    torch.set_num_threads(options.threads)
    with open(os.path.join(options.checkpoint, "config.json")) as file:
        config = json.load(file)
    start = time.perf_counter()
    model = Model(config, getattr(torch, options.dtype))
    load = time.perf_counter() - start
    prompt = 60 if model.lower is not None else 200
    with torch.inference_mode():
        speak(model, Stopwatch(), prompt, 2, options.steps)
        watch = Stopwatch()
        start = time.perf_counter()
        speak(model, watch, prompt, options.frames, options.steps)
        seconds = time.perf_counter() - start
    scale = 1 if sys.platform == "darwin" else 1024
    print(json.dumps({
        "dtype": options.dtype, "threads": options.threads, "frames": options.frames, "load": load,
        "audio": options.frames * 3200 / 24000, "seconds": seconds, "promptRows": prompt, "steps": options.steps,
        **{stage: watch.spent.get(stage, 0.0) for stage in ("prefill", "talker", "predictor", "codec", "listener")},
        "peakResident": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale,
    }))


if __name__ == "__main__":
    main()
