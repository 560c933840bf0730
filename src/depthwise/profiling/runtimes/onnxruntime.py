"""ONNX Runtime: all graph optimizations, input and output bound beforehand, denormals as zero."""

import numpy as np

from depthwise.profiling.runtimes.base import Runtime, Session, Setting, as_it_is, chained, feed


def _load(setting: Setting) -> Session:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.intra_op_num_threads, options.inter_op_num_threads = setting.threads, 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    path = setting.source
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    image, logits = np.empty_like(setting.values), np.empty(setting.network.output_shape, np.float32)
    before = feed(setting, "NCHW", image)
    binding = session.io_binding()
    for array, bind, ends in (
        (image, binding.bind_input, session.get_inputs()),
        (logits, binding.bind_output, session.get_outputs()),
    ):
        bind(ends[0].name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
    run = chained(before, lambda: session.run_with_iobinding(binding))
    return Session(run, lambda: logits, "NCHW", path.stat().st_size, keep=image)


PRECISIONS = {"float32": ("float32", "uint8"), "int8": ("float32", "uint8", "int8")}

RUNTIMES = {"onnxruntime": Runtime("onnxruntime", ("onnxruntime",), as_it_is, _load, PRECISIONS)}
