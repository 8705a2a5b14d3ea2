"""The claims: what is said, by whom, and which test decides."""

from __future__ import annotations

from bench.analysis.claims import capacity, cost, counting, gradients, learning
from bench.analysis.claims.claim import Claim

CLAIMS = (
    Claim(
        1,
        "At equal hidden size a GRU layer has exactly 3/4 of an LSTM layer's recurrent parameters.",
        "three gates against four: Cho et al. 2014; Gers et al. 2000",
        "--models gru,lstm --match hidden",
        "claims",
        cost.parameters,
    ),
    Claim(
        2,
        "A GRU step is faster than an LSTM step.",
        "textbooks",
        "--models gru,lstm,numpy_gru,numpy_lstm --match hidden; a GPU for cuDNN",
        "claims.speed",
        cost.faster_step,
        note=(
            "On a CPU torch runs LSTM on a fused oneDNN kernel and GRU on its own kernel: which of the two is faster "
            "there depends on the kernel, not on the cell."
        ),
    ),
    Claim(
        3,
        "A GRU needs fewer steps to target than an LSTM, of the same hidden size and of the same parameter count.",
        "Chung et al. 2014",
        "--models gru,lstm --match hidden,params, --trials 2 or more, tasks that they solve",
        "claims",
        learning.fewer_steps,
    ),
    Claim(
        4,
        "GRU and LSTM end with similar error on short and medium sequences.",
        "Chung et al. 2014; Greff et al. 2017",
        "--models gru,lstm --tasks sine,regression --match hidden,params",
        "claims",
        learning.similar_error,
    ),
    Claim(
        5,
        "LSTM keeps what GRU loses over very long dependencies.",
        "textbooks",
        f"--models gru,lstm --tasks 'copy[delay={learning.VERY_LONG}],adding[length={learning.VERY_LONG}]'",
        "claims.long",
        learning.long_memory,
    ),
    Claim(
        6,
        "A plain RNN's gradient vanishes with lag and gated cells' does not.",
        "Bengio et al. 1994; Hochreiter & Schmidhuber 1997",
        f"--models gru,lstm,rnn and tasks of more than {gradients.FAR} steps",
        "claims",
        gradients.vanishing,
        judge=gradients.from_default_weights,
        note=(
            "At PyTorch's default weights the gradients of all three vanish alike; forget bias 1, orthogonal weights "
            "and chrono weights change it."
        ),
    ),
    Claim(
        7,
        "Forget-gate bias 1 closes the gap between LSTM and GRU.",
        "Jozefowicz et al. 2015",
        "--models gru,lstm --init default,forget_bias",
        "claims",
        learning.forget_bias,
        judge=learning.gap_closed,
    ),
    Claim(
        8,
        "At matched parameters gated cells beat tanh.",
        "Chung et al. 2014",
        "--models gru,lstm,rnn --match params",
        "claims",
        learning.gated_beat_tanh,
    ),
    Claim(
        9,
        "A larger hidden size lowers the error and costs time.",
        "textbooks",
        "--match each and three or more --hidden-sizes",
        "claims.width",
        capacity.width,
    ),
    Claim(
        10,
        "Two layers beat one at equal parameters.",
        "Hermans & Schrauwen 2013; Pascanu et al. 2014",
        "--match params with one --parameter-budgets and --layers 1, and again with --layers 2",
        "claims",
        capacity.depth,
    ),
    Claim(
        11,
        "Recurrent nets are needed for a sine.",
        "tutorials",
        "--tasks 'sine,sine[noise=0.1]'",
        "claims.sine",
        capacity.needed_for_a_sine,
    ),
    Claim(
        12,
        "LSTM counts, GRU does not.",
        "Weiss, Goldberg & Yahav 2018",
        "--models gru,lstm --tasks counting",
        "claims.counting",
        counting.counting,
        note=(
            "The GRU of the published demonstration had no working reset gate, so what a correct GRU does is a new "
            "result."
        ),
    ),
)
