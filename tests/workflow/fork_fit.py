"""Runs `depthwise` commands in forked children and kills them on time; the imports are paid once.

One JSON object a line comes in: {"arguments": [...], "kill_after": seconds or null}. One goes out for each:
{"code": exit code, negative for a signal, "seconds": how long it ran}.
"""

import json
import os
import signal
import sys
import time

import torch

import depthwise.report.page
import depthwise.training.loop
import depthwise.workflow  # noqa: F401
from depthwise.cli import main

torch.set_num_threads(1)


def child(arguments: list[str]) -> None:
    """Becomes the command; its output goes to standard error."""
    os.dup2(2, 1)
    try:
        main(arguments)
    except SystemExit as exit_:
        os._exit(exit_.code if isinstance(exit_.code, int) else 1)
    os._exit(0)


for line in sys.stdin:
    job = json.loads(line)
    begin = time.monotonic()
    pid = os.fork()
    if pid == 0:
        child(job["arguments"])
    limit = job["kill_after"]
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if limit is not None and time.monotonic() - begin > limit:
            os.kill(pid, signal.SIGKILL)
            break
        time.sleep(0.002)
    _, status = os.waitpid(pid, 0)
    answer = {"code": os.waitstatus_to_exitcode(status), "seconds": time.monotonic() - begin}
    print(json.dumps(answer), flush=True)
