"""What is there: versions, what torch's own headers say of the faults that matter here, whether bench starts."""

import importlib.metadata as metadata
import pathlib
import platform

NAMES = [
    "torch",
    "triton",
    "numpy",
    "scipy",
    "pandas",
    "optuna",
    "sqlalchemy",
    "seaborn",
    "matplotlib",
    "click",
    "rich",
    "jinja2",
    "threadpoolctl",
    "nvidia-ml-py",
    "pytest",
    "pytest-xdist",
    "pytest-benchmark",
    "hypothesis",
    "nvidia-cudnn-cu13",
    "nvidia-cublas",
]
print("python", platform.python_version(), platform.release())
for name in NAMES:
    try:
        print(f"  {name} {metadata.version(name)}")
    except metadata.PackageNotFoundError:
        print(f"  {name} MISSING")
import torch  # noqa: E402

print(
    "torch",
    torch.__version__,
    torch.version.git_version,
    "cuda",
    torch.version.cuda,
    "cudnn",
    torch.backends.cudnn.version(),
)
print(torch.cuda.get_device_properties(0))
header = pathlib.Path(torch.__path__[0]) / "include/ATen/cuda/CUDAContextLight.h"
text = header.read_text() if header.exists() else ""
print(
    "a graph's reset clears its stream's cuBLAS workspaces (pytorch issue 193402) can happen here:",
    "clearCublasWorkspacesForStream" in text,
)
print(
    "bfloat16 among the dtypes whose RNN weights are flattened:",
    torch.bfloat16 in torch.backends.cudnn.CUDNN_TENSOR_DTYPES,
)
