"""Makes the fixtures beside this file: torch and NumPy files, and what they hold as safetensors.

python make_fixtures.py    (torch 2.13, NumPy 2.2, safetensors 0.8)
"""

import collections
import os
import sys
import types
import zipfile

import numpy as np
import torch
from safetensors.torch import save_file

os.chdir(os.path.dirname(os.path.abspath(__file__)))
torch.manual_seed(0)
expected = {}


def save(name, value, tensors, **options):
    torch.save(value, name, **options)
    for key, tensor in tensors.items():
        # A key of an expected tensor is the file, a bar, and the flattened name in it.
        expected[f"{name}|{key}"] = tensor.detach().clone().contiguous()


def numbers(dtype):
    return (torch.randn(2, 3) * 50).abs().to(dtype)


dtypes = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16,
          torch.int8, torch.uint8, torch.bool]
each = {str(d).removeprefix("torch."): numbers(d) for d in dtypes}
save("types.pt", each, each)

state = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.LayerNorm(2)).state_dict()
parameter = torch.nn.Parameter(torch.randn(4))
nested = {
    "net": collections.OrderedDict(inner={"state": state}, parameter=parameter),
    "list": [torch.arange(3), (torch.arange(2), "text")],
    "size": torch.Size([4, 5]),
    "integers": {0: -1, 7: 70_000, 8: -(2**40), 9: 2**62, 10: 200},
    "fraction": -0.125, "text": "Grüße, 世界", "true": True, "false": False, "none": None,
}
flat = {f"net.inner.state.{k}": v for k, v in state.items()}
flat |= {"net.parameter": parameter, "list.0": nested["list"][0], "list.1.0": nested["list"][1][0]}
for version in (2, 3, 4, 5):
    save(f"nested{version}.pt", nested, flat, pickle_protocol=version)
torch.save({"bytes": b"\x00\xff" * 3, "shared": [state["0.weight"], state["0.weight"]]}, "bytes.pt",
           pickle_protocol=4)

base = torch.arange(120, dtype=torch.float32).reshape(4, 5, 6)
views = {"transposed": base.permute(2, 0, 1), "offset": base[1:3], "stepped": base[::2, 1:4, ::3],
         "scalar": base[1, 2, 3], "empty": base[:0], "ones": base[2:3, :, 4:5]}
save("views.pt", views, views)
# Keys as attention caches keep them: [batch, heads, time, width] over memory ordered by time.
cache = torch.randn(1, 5, 2, 4).to(torch.bfloat16).transpose(1, 2)
torch.save({"bomb": torch.zeros(1).expand(1_000_000)}, "expanded.pt")
save("bare.pt", base[0], {"": base[0]})
torch.save({"old": torch.zeros(2)}, "legacy.pt", _use_new_zipfile_serialization=False)
torch.save({"dtype": torch.float32}, "global.pt")


class DynamicCache:
    pass


class BaseModelOutputWithPast(collections.OrderedDict):
    def __reduce__(self):
        values = (self["last_hidden_state"], self["past_key_values"], None, None)
        names = ("last_hidden_state", "past_key_values", "hidden_states", "attentions")
        return type(self), values, dict(zip(names, values)), None, iter(self.items())


for name, kind in (("cache_utils", DynamicCache), ("modeling_outputs", BaseModelOutputWithPast)):
    module = types.ModuleType(f"transformers.{name}")
    kind.__module__ = module.__name__
    setattr(module, kind.__name__, kind)
    sys.modules[module.__name__] = module
sys.modules.setdefault("transformers", types.ModuleType("transformers"))
past = DynamicCache()
past._seen_tokens, past.key_cache, past.value_cache = 5, [cache, cache + 1], [cache * 2, cache * 3]
hidden = torch.randn(1, 5, 8).to(torch.bfloat16)
preset = {"lm": BaseModelOutputWithPast(last_hidden_state=hidden, past_key_values=past)}
save("preset.pt", preset, {
    "lm.last_hidden_state": hidden, "lm.past_key_values.key_cache.0": cache,
    "lm.past_key_values.key_cache.1": cache + 1, "lm.past_key_values.value_cache.0": cache * 2,
    "lm.past_key_values.value_cache.1": cache * 3})

for name, method in (("restored.pt", zipfile.ZIP_STORED), ("deflated.pt", zipfile.ZIP_DEFLATED)):
    with zipfile.ZipFile("types.pt") as source, zipfile.ZipFile(name, "w", method) as target:
        for member in source.namelist():
            target.writestr(zipfile.ZipInfo(member), source.read(member), method)
for key, tensor in each.items():
    expected[f"restored.pt|{key}"] = tensor.clone()

arrays = {
    "row.npy": (np.arange(24, dtype="<f4").reshape(2, 3, 4), (1, 0)),
    "column.npy": (np.asfortranarray(np.arange(24, dtype="<i8").reshape(2, 3, 4)), (2, 0)),
    "half.npy": (np.linspace(0, 1, 5).astype("<f2"), (3, 0)), "flag.npy": (np.array([True, False]), (1, 0)),
    "scalar.npy": (np.array(2.5), (1, 0)),
}
for name, (array, version) in arrays.items():
    with open(name, "wb") as file:
        np.lib.format.write_array(file, array, version)
    expected[f"{name}|"] = torch.from_numpy(np.array(array, order="C"))
np.save("big.npy", np.arange(3, dtype=">f4"))
np.save("object.npy", np.array([{}, 1], dtype=object))
np.save("record.npy", np.zeros(2, dtype=[("a", "<f4"), ("b", "<i4")]))

save_file(expected, "expected.safetensors", metadata={"made by": "make_fixtures.py", "quote": "\"\\\n"})
