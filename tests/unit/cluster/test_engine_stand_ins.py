"""What stands in for packages that the test engine does without, used as SGLang uses the real ones."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.images import engine

STAND_INS = Path(next(iter(engine.__path__))) / "stand_ins"


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(
            "import triton\n"
            "import triton.language as tl\n"
            "from triton.runtime.jit import KernelInterface\n"
            "from triton.tools.tensor_descriptor import TensorDescriptor\n",
            id="any module and any name can be imported",
        ),
        pytest.param(
            "import triton, triton.language as tl\n"
            "@triton.jit\n"
            "def plain(x, SIZE: tl.constexpr): return 'plain'\n"
            "@triton.autotune(configs=[triton.Config({'SIZE': 1}, num_warps=4)], key=['x'])\n"
            "@triton.jit\n"
            "def tuned(x): return 'tuned'\n"
            "assert (plain(1, 2), tuned(1)) == ('plain', 'tuned')\n",
            id="kernels can be defined",
        ),
        pytest.param(
            "import triton\n"
            "class Kernel(triton.runtime.KernelInterface): pass\n"
            "assert not isinstance(Kernel(), triton.language.dtype.__class__) and Kernel(1, a=2)\n",
            id="classes can be inherited and made",
        ),
        pytest.param(
            "import triton\n"
            "assert not hasattr(triton.language, '__wrapped__')\n"
            "assert triton.__version__.split('.')[0].isdigit()\n",
            id="it makes up no special attributes, and has a version",
        ),
        pytest.param(
            "import sgl_kernel\n"
            "from sgl_kernel import fused_experts_cpu\n"
            "try: fused_experts_cpu()\n"
            "except NotImplementedError as error: assert 'sgl_kernel.fused_experts_cpu' in str(error)\n"
            "else: raise AssertionError('a kernel that is not there was called')\n",
            id="a kernel can be imported, and says which one it is when it is called",
        ),
    ],
)
def test_stand_ins(program: str) -> None:
    command = [sys.executable, "-W", "error", "-B", "-c", program]
    done = subprocess.run(
        command, env={"PYTHONPATH": str(STAND_INS)}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_every_python_of_the_environment_is_set_up_for_cpus() -> None:
    """By the .pth file, when Python starts: functions are looked up when called, given settings are kept."""
    program = (
        "import os, sys\n"
        f"exec({(STAND_INS / 'cpu_engine.pth').read_text()!r})\n"
        "assert sys.getdlopenflags() == os.RTLD_LAZY\n"
        "print(os.environ['SGLANG_USE_CPU_ENGINE'], os.environ['OMP_NUM_THREADS'])"
    )
    environment = {"PYTHONPATH": str(STAND_INS), "OMP_NUM_THREADS": "4"}
    command = [sys.executable, "-B", "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("1 4\n", "")
