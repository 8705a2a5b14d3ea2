"""Pytorch issue 193402 as a cohort would meet it: two members share a stream, and one leaves.

Does the matrix product of the other still compute, and does it write into memory that is somebody else's by then? One
case a process, because an illegal address ends the context.
"""

import sys

import torch

case = sys.argv[1]
stream = torch.cuda.Stream()
shapes = {"head": (9, 2560, 32, torch.float32), "large": (640, 32768, 640, torch.bfloat16)}
m, k, n, dtype = shapes[case]


def graph_of():
    left = torch.randn(k, m, device="cuda", dtype=dtype)
    right = torch.randn(k, n, device="cuda", dtype=dtype)
    out = torch.empty(m, n, device="cuda", dtype=dtype)
    graph = torch.cuda.CUDAGraph()
    torch.mm(left.T, right, out=out)  # a warm-up on the stream itself: the workspace is then no graph's
    with torch.cuda.graph(graph, stream=stream):
        torch.mm(left.T, right, out=out)
    return graph, out, (left, right)


with torch.cuda.stream(stream):
    stays, out, inputs = graph_of()
    stays.replay()
    expected = out.clone()
    leaves, *kept = graph_of()
    leaves.replay()
    stream.synchronize()
    before = torch.cuda.memory_allocated()
    leaves.reset()
    freed = before - torch.cuda.memory_allocated()
    canaries = [torch.full((1 << 18,), 7.0, device="cuda") for _ in range(256)]  # 256 MiB: takes what was let go
    for _ in range(20):
        stays.replay()
    stream.synchronize()
    spoilt = sum(int((canary != 7.0).any()) for canary in canaries)
    same = bool(torch.equal(out, expected))
    del canaries
    torch.cuda.empty_cache()
    stays.replay()
    torch.cuda.synchronize()
print(f"{case}: reset let go of {freed / 2**20:.1f} MiB; spoilt elsewhere: {spoilt} of 256; same result: {same}")
