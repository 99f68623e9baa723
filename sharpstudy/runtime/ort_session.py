"""ONNX Runtime: the default backend, which runs an exported file as it is."""

from __future__ import annotations

from typing import Literal

import numpy as np

from .errors import SharpenerError
from .graph import with_strength
from .graph_nodes import FRAME, RESTORED

Provider = Literal["cpu", "cuda", "tensorrt"]
PROVIDERS: dict[Provider, str] = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}


class OrtSession:
    """One model on one provider. `run` reads and writes the caller's memory, without copies of its own."""

    def __init__(self, model: bytes, threads: int, provider: Provider = "cpu") -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        wanted = PROVIDERS[provider]
        if wanted not in onnxruntime.get_available_providers():
            raise SharpenerError(f"this build of onnxruntime has no {wanted}")
        providers = [wanted] if provider == "cpu" else [wanted, PROVIDERS["cpu"]]
        self.session = onnxruntime.InferenceSession(model, options, providers=providers)
        if self.session.get_providers()[0] != wanted:  # it falls back to the CPU without a word
            raise SharpenerError(f"onnxruntime could not start its {wanted}")
        self.model, self.threads, self.provider = model, threads, provider
        self.binding = self.session.io_binding()

    def run(self, frame: np.ndarray, out: np.ndarray) -> None:
        """Fills `out` with the restored frame; both contiguous uint8 HxWx3."""
        self.binding.bind_input(FRAME, "cpu", 0, np.uint8, frame.shape, frame.ctypes.data)
        self.binding.bind_output(RESTORED, "cpu", 0, np.uint8, out.shape, out.ctypes.data)
        try:
            self.session.run_with_iobinding(self.binding)
        finally:
            self.binding.clear_binding_inputs()
            self.binding.clear_binding_outputs()

    def with_strength(self, strength: float) -> OrtSession:
        return OrtSession(with_strength(self.model, strength), self.threads, self.provider)

    def close(self) -> None:
        """Nothing to do: the session's memory goes with the object."""
