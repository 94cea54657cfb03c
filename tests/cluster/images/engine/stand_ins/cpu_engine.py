"""What each Python of the engine's environment does first: cpu_engine.pth imports this when Python starts."""

import os
import sys

# torch is linked against CUDA libraries that install.sh replaces by one without any function. Python has all
# functions looked up when a library is loaded, which fails. Looked up when called, none is missed.
sys.setdlopenflags(os.RTLD_LAZY)

SETTINGS = {
    "OMP_NUM_THREADS": "1",  # one answer took 4-10 s with two threads on two busy cores, 0.4-1.6 s with one
    "SGLANG_USE_CPU_ENGINE": "1",
    "TORCHDYNAMO_DISABLE": "1",  # no compiler in the image
}

for name, value in SETTINGS.items():
    os.environ.setdefault(name, value)
