"""The claims: what is said, by whom, and which test decides."""

from __future__ import annotations

from bench.analysis.claims import capacity, cost, gradients, learning
from bench.analysis.claims.claim import Claim

CLAIMS = (
    Claim(
        1,
        "At equal hidden size a GRU layer has exactly 3/4 of an LSTM layer's recurrent parameters.",
        "three gates against four: Cho et al. 2014; Gers et al. 2000",
        "gru and lstm at one hidden size (--match hidden)",
        cost.parameters,
    ),
    Claim(
        2,
        "A GRU step is faster than an LSTM step.",
        "textbooks",
        "timings of gru and lstm, numpy_gru and numpy_lstm at one hidden size; a GPU for cuDNN",
        cost.faster_step,
        note=(
            "On a CPU torch runs LSTM on a fused oneDNN kernel and GRU on its own: which one is faster is the kernel's "
            "doing, not the cell's."
        ),
    ),
    Claim(
        3,
        "A GRU needs fewer steps to target than an LSTM, of the same hidden size and of the same parameter count.",
        "Chung et al. 2014",
        "gru and lstm, --match hidden,params, tasks that they solve",
        learning.fewer_steps,
    ),
    Claim(
        4,
        "GRU and LSTM end with similar error on short and medium sequences.",
        "Chung et al. 2014; Greff et al. 2017",
        "gru and lstm on sine, regression or a series, --match hidden,params",
        learning.similar_error,
    ),
    Claim(
        5,
        "LSTM keeps what GRU loses over very long dependencies.",
        "textbooks",
        f"gru and lstm on copy with a delay, and adding with a length, of {learning.VERY_LONG} or more",
        learning.long_memory,
    ),
    Claim(
        6,
        "A plain RNN's gradient vanishes with lag and gated cells' does not.",
        "Bengio et al. 1994; Hochreiter & Schmidhuber 1997",
        "gru, lstm and rnn on several tasks (each confirmed configuration is probed)",
        gradients.vanishing,
        verdict=gradients.at_default_weights,
        note="At PyTorch's default weights all three vanish alike; forget bias, orthogonal and chrono change it.",
    ),
    Claim(
        7,
        "Forget-gate bias 1 closes the gap between LSTM and GRU.",
        "Jozefowicz et al. 2015",
        "gru and lstm with --init default,forget_bias",
        learning.forget_bias,
        verdict=learning.gap_closed,
    ),
    Claim(
        8,
        "At matched parameters gated cells beat tanh.",
        "Chung et al. 2014",
        "gru, lstm and rnn, --match params",
        learning.gated_beat_tanh,
    ),
    Claim(
        9,
        "A larger hidden size lowers the error and costs time.",
        "textbooks",
        "a model at three or more hidden sizes (--match each)",
        capacity.width,
    ),
    Claim(
        10,
        "Two layers beat one at equal parameters.",
        "Hermans & Schrauwen 2013; Pascanu et al. 2014",
        "--match params with one --parameter-budgets and --layers 1, and again with --layers 2",
        capacity.depth,
    ),
    Claim(
        11,
        "Recurrent nets are needed for a sine.",
        "tutorials",
        "a recurrent model on sine and on sine[noise=…]",
        capacity.needed_for_a_sine,
    ),
    Claim(
        12,
        "LSTM counts, GRU does not.",
        "Weiss, Goldberg & Yahav 2018",
        "gru and lstm on counting",
        learning.counting,
        note=(
            "The GRU of the published demonstration had no working reset gate, so what a correct GRU does is a new "
            "result."
        ),
    ),
)
