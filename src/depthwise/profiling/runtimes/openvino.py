"""OpenVINO: latency hint, one stream, float32 held (its default on some processors is bfloat16).

Camera bytes go in as they are: its own preprocessing becomes part of the model.
"""

from typing import Any

import numpy as np

from depthwise.profiling.runtimes.base import Runtime, Session, Setting, as_it_is


def _with_camera(setting: Setting, model: Any) -> Any:
    from openvino import Layout, Type
    from openvino.preprocess import PrePostProcessor

    form = setting.network.preprocessing
    assert form is not None
    steps = PrePostProcessor(model)
    steps.input().tensor().set_element_type(Type.u8).set_layout(Layout("NHWC"))
    steps.input().model().set_layout(Layout("NCHW"))
    normalize = steps.input().preprocess().convert_element_type(Type.f32)
    normalize.mean([255 * value for value in form.mean]).scale([255 * value for value in form.std])
    return steps.build()


def _load(setting: Setting) -> Session:
    import openvino

    path, core, camera = setting.source, openvino.Core(), setting.input_type == "uint8"
    model = core.read_model(str(path))
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": "1",
        "INFERENCE_NUM_THREADS": str(setting.threads),
        "INFERENCE_PRECISION_HINT": "f32",
    }
    compiled = core.compile_model(_with_camera(setting, model) if camera else model, "CPU", settings)
    image = setting.network.pixels if camera else setting.values
    request = compiled.create_infer_request()
    request.set_input_tensor(openvino.Tensor(image, shared_memory=True))
    logits = request.get_output_tensor().data
    layout = "NHWC" if camera else "NCHW"
    return Session(request.infer, lambda: np.array(logits), layout, path.stat().st_size, keep=image)


PRECISIONS = {"float32": ("float32", "uint8"), "int8": ("float32", "uint8", "int8")}

RUNTIMES = {"openvino": Runtime("openvino", ("openvino",), as_it_is, _load, PRECISIONS)}
