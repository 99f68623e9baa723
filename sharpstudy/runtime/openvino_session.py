"""OpenVINO: the same file, cut to its packed part, which it runs faster; frames are packed outside.

Its Gather and Transpose of bytes take as long as all convolutions together. One compiled network per frame
size, because shapes known beforehand run faster. What the student reads off the whole frame comes from a
second, small cut of the file.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np

from .graph import spare_channels, with_strength
from .packing import Packer

KEPT_SIZES = 3


class OpenvinoSession:
    """One model on the CPU through OpenVINO."""

    def __init__(self, model: bytes, threads: int, unshuffle: int) -> None:
        import openvino

        self.openvino, self.core = openvino, openvino.Core()
        self.model, self.threads = model, threads
        told = self._node(self.core.read_model(model), "cues")
        self.cues = told.output(0).get_shape()[0] if told else 0
        self.packer = Packer(unshuffle, threads, self.cues + spare_channels(unshuffle, self.cues))
        self.reading = self._cue_part() if self.cues else None
        self.sizes: OrderedDict[tuple[int, ...], tuple[Any, np.ndarray, np.ndarray]] = OrderedDict()

    def run(self, frame: np.ndarray, out: np.ndarray) -> None:
        """Fills `out` with the restored frame; both contiguous uint8 HxWx3."""
        request, packed, restored = self._prepared(self.packer.packed_shape(frame))
        self.fill(frame, packed)
        request.infer()
        self.packer.unpack(restored, out)

    def fill(self, frame: np.ndarray, packed: np.ndarray) -> None:
        """Packs the frame, and fills the planes of the cues after its channels, an opaque item a block."""
        self.packer.pack(frame, packed)
        if self.reading:
            item, channels = np.dtype(f"V{self.cues}"), packed.shape[3]
            first = 3 * self.packer.unshuffle**2
            planes = np.ndarray(packed.size // channels, item, packed, first, (channels,))
            told = self.reading.infer({0: frame}, share_inputs=True)[0]
            planes[:] = np.ascontiguousarray(told).view(item)[0]

    def with_strength(self, strength: float) -> OpenvinoSession:
        return OpenvinoSession(with_strength(self.model, strength), self.threads, self.packer.unshuffle)

    def close(self) -> None:
        self.packer.close()

    def _prepared(self, shape: tuple[int, int, int, int]) -> tuple[Any, np.ndarray, np.ndarray]:
        """A request for packed frames of one shape, with the buffers that it reads and fills."""
        if shape not in self.sizes:
            while len(self.sizes) >= KEPT_SIZES:
                self.sizes.popitem(last=False)
            self.sizes[shape] = self._compiled(shape)
        self.sizes.move_to_end(shape)
        return self.sizes[shape]

    def _compiled(self, shape: tuple[int, int, int, int]) -> tuple[Any, np.ndarray, np.ndarray]:
        request = self._request(self._packed_part(shape))
        packed, restored = np.zeros(shape, np.uint8), np.empty(shape, np.uint8)
        request.set_input_tensor(self.openvino.Tensor(packed, shared_memory=True))
        flat = restored.reshape(1, -1, shape[3])
        request.set_output_tensor(self.openvino.Tensor(flat, shared_memory=True))
        return request, packed, restored

    def _packed_part(self, shape: tuple[int, int, int, int]) -> Any:
        """The graph from the packed frame to the restored packed frame.

        Its planes go back to channels-last as one flat transpose, which OpenVINO folds into the last layer; a
        transpose of four axes it would compute.
        """
        import openvino.opset8 as ops

        model = self.core.read_model(self.model)
        packed = ops.parameter(list(shape), self.openvino.Type.u8, name="packed_frame")
        self._node(model, "packed_planes").input(0).replace_source_output(packed.output(0))
        planes = self._node(model, "restored_blocks").input(0).get_source_output()
        count = shape[1] * shape[2]
        flat = ops.reshape(planes, np.array([1, shape[3], count], np.int64), False)
        blocks = ops.transpose(flat, np.array([0, 2, 1], np.int64))
        part = self.openvino.Model([ops.result(blocks)], [packed], "packed")
        part.validate_nodes_and_infer_types()
        return part

    def _cue_part(self) -> Any:
        """A request for the cues of a frame of any size."""
        model = self.core.read_model(self.model)
        cues = self.openvino.Model([self._node(model, "cues").output(0)], model.get_parameters(), "cues")
        return self._request(cues)

    def _request(self, part: Any) -> Any:
        """A request for a part of the file, compiled for low latency."""
        options = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": self.threads,
            "ENABLE_CPU_PINNING": False,  # two sessions pinned to the same cores would wait for each other
            "INFERENCE_PRECISION_HINT": "f32",  # of a float file: bf16 would cost it up to a grey level
        }
        return self.core.compile_model(part, "CPU", options).create_infer_request()

    @staticmethod
    def _node(model: Any, name: str) -> Any:
        """The operation of that name, or None."""
        return next((node for node in model.get_ops() if node.get_friendly_name() == name), None)
