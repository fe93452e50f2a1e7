"""Presets that a reader must refuse, made from a good one: make.py tiny-Voice_x.pt folder (torch 2.13.0)."""
import os, pickle, sys, zipfile
import torch

source, folder = sys.argv[1:]


def plain(path):
    """The tensors of a preset as plain dictionaries; the transformers classes become records."""
    class Record(dict):
        def __init__(self, *_): super().__init__()
        def __setstate__(self, state): self.update(state)

    class Reader(pickle.Unpickler):
        def find_class(self, module, name):
            return Record if module.startswith("transformers") else super().find_class(module, name)

    module = type(sys)("reader")
    module.Unpickler, module.load, module.dumps = Reader, pickle.load, pickle.dumps
    saved = torch.load(path, map_location="cpu", weights_only=False, pickle_module=module)
    return {
        group: {
            "last_hidden_state": value["last_hidden_state"],
            "past_key_values": {
                key: list(value["past_key_values"][key]) for key in ("key_cache", "value_cache")
            },
        }
        for group, value in saved.items()
    }


def save(name, change):
    preset = plain(source)
    change(preset)
    torch.save(preset, f"{folder}/{name}.pt")


def cache(preset, group="tts_lm", key="key_cache"): return preset[group]["past_key_values"][key]


def wide(preset):
    for group in preset.values():
        group["last_hidden_state"] = torch.cat([group["last_hidden_state"]] * 2, -1)


def short(preset): cache(preset)[1] = cache(preset)[1][:, :, :-1]
def swapped(preset): cache(preset)[0] = cache(preset)[0].transpose(1, 2)
def missing(preset): cache(preset, key="value_cache").pop()
def extra(preset): cache(preset).append(cache(preset)[0].clone())
def groupless(preset): del preset["neg_tts_lm"]
def infinite(preset): cache(preset, "lm", "value_cache")[0][0, 0, 0, 0] = float("inf")
def whole(preset): cache(preset)[0] = cache(preset)[0].to(torch.int64)


save("plain", lambda preset: None)
for change in (wide, short, swapped, missing, extra, groupless, infinite, whole):
    save(change.__name__, change)


class Command:
    def __reduce__(self): return os.system, ("true",)


with zipfile.ZipFile(f"{folder}/command.pt", "w", zipfile.ZIP_STORED) as archive:
    archive.writestr("x/data.pkl", pickle.dumps({"lm": Command()}, protocol=2))
    archive.writestr("x/version", "3\n")
