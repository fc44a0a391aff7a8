"""A second device, "pretend", for PyTorch on a machine without a GPU. Licence: MIT.

It computes on the processor and is as strict as CUDA about where a tensor is: mixing devices,
numpy() without cpu(), an index or a generator from elsewhere raise the error they raise there.

    with pretend_device.accelerate(): ...             # inside, Accelerate finds the device
    import pretend_device; pretend_device.install()   # or: so for the rest of the process
    python pretend_device.py -m scale.compete ...   # or: for a whole program

How: torch reserves a device key, PrivateUse1, for others, and DLPack, a format that hands tensors
on without copying, can name it. So the same memory can be two tensors: one of the device and one
of the CPU. One fallback for all operators of the device checks where the arguments are, runs the
CPU's operator on the CPU's tensors, and hands back the results as tensors of the device.
"""

import contextlib
import ctypes
import functools
import sys
import types
import weakref
from unittest import mock

import torch
from torch.utils import backend_registration

NAME = "pretend"
CPU, EXTENSION = 1, 12  # numbers of devices in DLPack
_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
_kept, _both, _nothing = [], {"cpu", NAME}, contextlib.nullcontext()
_old = {"data": torch.Tensor.data, "storage": torch.UntypedStorage.__new__,
        "apply": torch.nn.Module._apply, "generator": torch.Generator}  # fmt: skip


def is_pretend(x) -> bool:
    return isinstance(x, torch.Tensor) and x.device.type == NAME


def _relabelled(tensor: torch.Tensor, kind: int) -> torch.Tensor:
    """The same memory as a tensor of another device."""
    capsule = torch._C._to_dlpack(tensor)  # a pointer to data, then the device: kind and number
    place = _pointer(capsule, b"dltensor") + ctypes.sizeof(ctypes.c_void_p)
    (ctypes.c_int32 * 2).from_address(place)[:] = kind, 0
    return torch._C._from_dlpack(capsule)


def _host(x):
    """An argument as the CPU's operator gets it."""
    if isinstance(x, torch.device):
        return torch.device("cpu") if x.type == NAME else x
    if isinstance(x, list | tuple):
        return [_host(i) for i in x]
    return _relabelled(x, CPU) if is_pretend(x) else x


def _pretend(x):
    """A result of the CPU's operator as the device gives it."""
    if isinstance(x, list | tuple):
        return [_pretend(i) for i in x]
    return _relabelled(x, EXTENSION) if isinstance(x, torch.Tensor) and not is_pretend(x) else x


@functools.cache
def _plan(op):
    """Name, arguments, those written to, which of them each result is, whether results are views,
    whether numbers of the CPU may come along, whether it draws random numbers."""
    schema, name = op._schema, op._schema.name.removeprefix("aten::")
    aliases = [(a.name, a.alias_info) for a in schema.arguments]
    written = {key: info.before_set for key, info in aliases if info and info.is_write}
    results = [r.alias_info for r in schema.returns]
    same = [next((key for key, s in written.items() if r and s == r.before_set), None)
            for r in results]  # fmt: skip
    view = any(r and not r.is_write for r in results)
    lenient = torch.Tag.pointwise in op.tags and name != "equal"
    lenient |= name.startswith(("_foreach", "_fused"))
    lenient |= name.strip("_") in {"where", "fill", "masked_fill", "index_put", "index_put_impl"}
    random = torch.Tag.nondeterministic_seeded in op.tags
    return name, [key for key, _ in aliases], written, same, view, lenient, random


def _kernel(op, *args, **kwargs):
    """Every operator of the device that is not composed of others."""
    name, keys, written, same, view, lenient, random = _plan(op)
    if name in _OWN:
        return _OWN[name](*args, **kwargs)
    given = dict(zip(keys, args, strict=False)) | kwargs
    generator = given.get("generator")
    _check(name, given, written, lenient, generator)
    call = {key: None if x is generator else _host(x) for key, x in given.items()}
    grow = [key for key in written if is_pretend(kwargs.get(key)) and not kwargs[key].numel()]
    call |= {key: torch.empty(0, dtype=kwargs[key].dtype) for key in grow}  # out=, to be resized
    with _numbers_of_device(generator) if random else _nothing:
        found = op(*(call[key] for key in keys[: len(args)]), **{key: call[key] for key in kwargs})
    for key in grow:
        kwargs[key].data = _pretend(call[key])
    found = [found] if len(same) == 1 else found or []
    with torch.inference_mode(args[0].is_inference()) if view else _nothing:
        found = [given[key] if key else _pretend(x) for key, x in zip(same, found, strict=True)]
    return found[0] if len(found) == 1 else tuple(found) or None


def _check(name, given, written, lenient, generator) -> None:
    """Raise what CUDA raises."""
    if name.strip("_") in {"index", "index_put", "index_put_impl"}:
        given = dict(given)
        if any(is_pretend(i) for i in given.pop("indices")) and not is_pretend(given["self"]):
            where = "either on cpu or on the same device as the indexed tensor (cpu)"
            raise RuntimeError(f"indices should be {where}")
    for key, x in given.items():
        for t in x if isinstance(x, list | tuple) else [x]:
            fine = not isinstance(t, torch.Tensor) or is_pretend(t)
            if not fine and (t.dim() or key in written or not lenient):
                raise RuntimeError(
                    "Expected all tensors to be on the same device, but found at least two devices,"
                    f" {NAME}:0 and {t.device}! (when checking argument {key} in method {name})"
                )
    if generator is not None and generator._cdata not in Generator.made:
        raise RuntimeError(f"Expected a '{NAME}' device type for generator but found 'cpu'")


class Generator(torch.Generator):
    """As `torch.Generator`, of the device too."""

    made = weakref.WeakValueDictionary()  # those of the device, by the address that kernels see
    device = property(lambda self: torch.device(NAME, 0))

    def __new__(cls, device="cpu"):
        if torch.device(device).type != NAME:
            return _old["generator"](device)
        made = super().__new__(cls, "cpu")
        return cls.made.setdefault(made._cdata, made)


@contextlib.contextmanager
def _numbers_of_device(generator):
    """The CPU's operators draw from the device's generator; the CPU's own stays as it was."""
    generator, cpu = generator or _default, torch.default_generator
    before = cpu.get_state()
    cpu.set_state(generator.get_state())
    try:
        yield
    finally:
        generator.set_state(cpu.get_state())
        cpu.set_state(before)


def _copy_(self, src, non_blocking=False):
    _host(self).copy_(_host(src))
    return self


def _resize_(self, size, *, memory_format=None):
    flat = torch.empty(self.untyped_storage().nbytes() // self.itemsize, dtype=self.dtype)
    flat.copy_(_host(self).as_strided(flat.shape, (1,), 0))
    self.data = _pretend(flat.resize_(size))
    return self


def _set_(self, source=None, offset=0, size=None, stride=()):
    """A tensor over a whole storage of the device, as saving, loading and deepcopy make it."""
    if isinstance(source, torch.UntypedStorage):
        memory = (ctypes.c_uint8 * source.nbytes()).from_address(source.data_ptr())
        memory.owner = source
        flat = torch.frombuffer(memory, dtype=torch.uint8) if len(memory) else torch.empty(0)
        part = () if size is None else (offset, size, stride)
        source = torch.empty(0, dtype=self.dtype).set_(flat.untyped_storage(), *part)
    self.data = _pretend(torch.empty(0, dtype=self.dtype) if source is None else source)
    return self


_OWN = {"copy_": _copy_, "_copy_from": lambda self, dst, non_blocking=False: _copy_(dst, self),
        "resize_": _resize_, "set_": _set_}  # fmt: skip


def _set_data(self, new) -> None:
    """`x.data = y`, to another device too: x stays the same object, as Module.to needs it."""
    if {self.device.type, new.device.type} != _both:
        return _old["data"].__set__(self, new)
    grad, self.grad = self.grad, None
    torch._C._swap_tensor_impl(self, new.detach().requires_grad_(self.requires_grad))
    if grad is not None:
        grad.data = grad.to(new.device)
        self.grad = grad


def _apply(self, fn, recurse=True):
    """Module.to and its like set `data`, as for a GPU, in place of making new parameters."""
    name, old = "_has_compatible_shallow_copy_type", torch._has_compatible_shallow_copy_type

    def fits(a, b):
        return {a.device.type, b.device.type} == _both or old(a, b)

    with mock.patch.object(torch, name, fits):
        return _old["apply"](self, fn, recurse)


def _new_storage(cls, *args, device=None, **kwargs):
    if device is not None and torch.device(device).type == NAME:
        return torch.empty(*args, dtype=torch.uint8, device=device).untyped_storage()
    return _old["storage"](cls, *args, **kwargs | ({"device": device} if device else {}))


def register() -> None:
    """Make the device known to torch, for the rest of the process."""
    global _default
    if _kept:
        return
    module = types.SimpleNamespace(
        **dict.fromkeys(["is_available", "is_initialized"], lambda: True),
        **dict.fromkeys(["set_device", "synchronize", "empty_cache"], lambda device=None: None),
        **dict.fromkeys(["manual_seed", "manual_seed_all"], lambda s: _default.manual_seed(s)),
        _is_in_bad_fork=lambda: False, device_count=lambda: 1, current_device=lambda: 0,
        device=contextlib.nullcontext, get_amp_supported_dtype=lambda: [torch.bfloat16],
        get_rng_state=lambda device=None: _default.get_state(),
        set_rng_state=lambda state, device=None: _default.set_state(state),
    )  # fmt: skip
    backend_registration._setup_privateuseone_for_python_backend(NAME, module)
    _default = Generator(NAME).manual_seed(torch.initial_seed())
    torch.Generator, torch.nn.Module._apply = Generator, _apply
    torch.Tensor.data = property(_old["data"].__get__, _set_data)
    torch.Tensor.pin_memory = lambda self, device=None: self
    torch.UntypedStorage.__new__ = _new_storage
    everything, some = torch.library.Library("_", "IMPL"), torch.library.Library("aten", "IMPL")
    everything.fallback(_kernel, "PrivateUse1")
    everything.fallback(torch.library.fallthrough_kernel, "AutocastPrivateUse1")
    aten = torch.ops.aten  # these are composed of others in a way that does not fit
    for op in (aten.convolution, aten.convolution_backward, aten.copy_, aten.index):
        for each in (getattr(op, name) for name in op.overloads() if "out" not in name):
            some.impl(each, functools.partial(_kernel, each), "PrivateUse1")
    _kept.extend([everything, some])


@contextlib.contextmanager
def accelerate():
    """Inside, Accelerate finds the device as it finds a GPU."""
    from accelerate.state import AcceleratorState, PartialState

    register()
    found = property(lambda self: torch.device(NAME))
    AcceleratorState._reset_state(reset_partial_state=True)
    try:
        with mock.patch.object(PartialState, "default_device", found):
            yield torch.device(NAME)
    finally:
        AcceleratorState._reset_state(reset_partial_state=True)


def install() -> None:
    """The device, found by Accelerate for the rest of the process."""
    chosen = accelerate()
    chosen.__enter__()
    _kept.append(chosen)


if __name__ == "__main__":
    import runpy

    import pretend_device  # this file, under the name that others import it by

    pretend_device.install()
    del sys.argv[0]
    if sys.argv[0] == "-m":
        del sys.argv[0]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(sys.argv[0], run_name="__main__")
