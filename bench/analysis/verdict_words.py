"""A verdict in sentences: whether a recurrent net is needed, and which one, with how sure that is."""

from __future__ import annotations

from bench.analysis.contenders import BestReference, contenders
from bench.analysis.formatting import as_sentence, change, change_between, counted, listed, number, trimmed
from bench.analysis.labels import place
from bench.analysis.levels import ENOUGH, LEVEL, MARGIN
from bench.analysis.model_pairs import PairComparison
from bench.analysis.recorded import Recorded
from bench.analysis.verdict import Family, Verdict

_ALONE = "is the only model of this run"


def decision(results: Recorded, verdict: Verdict) -> tuple[str, ...]:
    """Which model is the best and whether a net is needed; only the first of the two texts names the task.

    The need comes first where no net is needed, or where a predictor without one has the lower loss so far.
    """
    where = f"{place(verdict.task, verdict.match, len(results.matches) > 1)}, "
    unit = unit_of(results, verdict)
    which, need = _which(results, verdict, unit), _need(verdict, unit)
    net_behind = verdict.need.state == "no" or verdict.need.reference_leads
    first, second = (need, which) if net_behind else (which, need)
    return tuple(as_sentence(text, results.models) for text in (where + first, second) if text)


def unit_of(results: Recorded, verdict: Verdict) -> str:
    """What the statistics of a task are over: "replicate", or of a series "forecast origin"."""
    return "forecast origin" if verdict.task in results.series else "replicate"


def interval(pair: PairComparison, unit: str) -> str:
    """As it stands in brackets: "95 % interval 31 % to 52 % lower, 7 replicates"."""
    return f"95 % interval {change_between(pair.low, pair.high)}, {counted(pair.n, unit)}"


def _which(results: Recorded, verdict: Verdict, unit: str) -> str:
    """Who has the lowest test loss, as the end of a sentence that begins with the task."""
    if verdict.state == "failed":
        return "every training failed, so nothing can be compared"
    leader, loss = verdict.ranking[0]
    if verdict.nearest is None:
        return f"{leader} {_why_alone(results, leader)}; its test loss is {number(loss)}"
    if verdict.state == "settled":
        return _won(verdict, verdict.nearest, unit)
    beaten = f"; {leader} has a lower test loss than {listed(list(verdict.beaten))}" if verdict.beaten else ""
    if verdict.state == "equal":
        return (
            f"{listed(list(verdict.equal))} are practically equal: their test losses differ by less than "
            f"{100 * MARGIN:g} % ({leader}'s is {than(verdict.nearest)}, {interval(verdict.nearest, unit)}){beaten}"
        )
    between = f" between {listed(list(verdict.unbeaten))}" if len(verdict.ranking) > 2 else ""
    return f"no clear winner{between}: {_why_open(verdict, verdict.nearest, unit)}{beaten}"


def _why_alone(results: Recorded, leader: str) -> str:
    """What a model without rivals is: the only one that was asked for, that has results yet, or that finished."""
    own = next(each.implementations for each in contenders(results) if each.name == leader)
    others = any(model not in own for model in results.models)
    if results.manifest.get("status", "complete") != "complete":
        asked = len(results.settings.get("models") or ())
        return "is the only model with results so far" if others or asked > len(own) else _ALONE
    return "was the only model to finish" if others else _ALONE


def _won(verdict: Verdict, pair: PairComparison, unit: str) -> str:
    rivals = len(verdict.ranking) - 1
    most = "the lower test loss" if rivals == 1 else f"the lowest test loss of {rivals + 1} models"
    if any(pair.failed):
        failed = f"{pair.second} failed in {counted(pair.failed[1], unit)} in which {pair.first} did not"
        return f"{pair.first} has {most}: {failed}, and a failure counts as the worst result"
    close = f"; they are practically equal (within {100 * MARGIN:g} %)" if pair.within < LEVEL else ""
    next_best = pair.second == verdict.ranking[1][0]
    nearest = "" if rivals == 1 else ", the nearest" if next_best else ", its least certain lead"
    return f"{pair.first} has {most}: {than(pair)}{nearest} ({interval(pair, unit)}){close}"


def _why_open(verdict: Verdict, pair: PairComparison, unit: str) -> str:
    if pair.n == 0:
        return f"{pair.first} and {pair.second} have no {unit} in common"
    subject = f"{pair.first}'s test loss is {than(pair)}"
    if pair.n < ENOUGH:
        return f"{counted(pair.n, unit)} cannot decide ({ENOUGH} are needed); so far {subject}"
    if any(pair.failed):
        failed = (
            f"{pair.first} failed in {pair.failed[0]} of {counted(pair.n, unit)}, {pair.second} in {pair.failed[1]}"
        )
        return f"{subject} where both finished, but {failed}"
    if pair.low <= 1 <= pair.high:
        bounds = change_between(pair.low, pair.high)
        return f"{subject}, but anything from {bounds} is plausible (95 %, {counted(pair.n, unit)})"
    return f"{subject} ({interval(pair, unit)}), {_chance(verdict.p_adjusted, verdict.family)}"


def _chance(p: float, family: Family, nets: int = 1) -> str:
    return f"but that may be chance ({_corrected(p, family, nets)})"


def _corrected(p: float, family: Family, nets: int = 1) -> str:
    """A p-value, and what it is corrected over: tasks, rules (`--match`) and nets."""
    over = counted(family.tasks, "task")
    if family.rules > 1:
        every = "" if family.questions == family.tasks * family.rules else "of "
        over = f"{counted(family.questions, 'question')} ({every}{over} under {family.rules} rules)"
    of_nets = f", and for {nets} nets" if nets > 1 else ""
    return f"p = {trimmed(p)} after the correction for {over}{of_nets}"


def than(pair: PairComparison) -> str:
    """The first side's test loss against the second's: "42 % lower than lstm's", "3.1 times as high as lstm's"."""
    said = change(pair.effect)
    if said == "the same":
        return f"the same as {pair.second}'s"
    return f"{said} {'as' if said.endswith('high') else 'than'} {pair.second}'s"


def _need(verdict: Verdict, unit: str) -> str:
    """Whether a recurrent net is needed; empty where no reference was recorded."""
    need = verdict.need
    if need.reference is None or need.pair is None:
        return ""
    net, loss = verdict.ranking[0]
    name = need.reference.name + (f" ({need.reference.how})" if need.reference.how else "")
    chosen = need.reference.among
    ours, theirs = number(loss), number(10**need.reference.typical)
    if need.state == "no":
        verb = "is practically as good as" if need.pair.within < LEVEL else "beats"
        net = f"the best net ({net}, {ours})" if len(verdict.ranking) > 1 else f"{net} ({ours})"
        who = f"{name}, with a test loss of {theirs}, {verb} {net}"
        return f"no {verdict.net} is needed: {who}; {need.reference.name} is {chosen}"
    if need.state == "yes":
        size = " beats" if any(need.pair.failed) else f"'s test loss is {change(need.pair.effect)} than that of"
        return f"a {verdict.net} is needed: {net}{size} {name}, {chosen}"
    if need.side == "reference":
        return _behind(verdict, need.pair, need.reference, name, unit)
    if need.side == "net":
        ahead = f"{net}'s test loss is {change(need.pair.effect)} than that of {name}, {chosen}"
        chance = _chance(need.p_adjusted, need.family, len(verdict.ranking))
        return f"a {verdict.net} may be needed: {ahead} ({interval(need.pair, unit)}), {chance}"
    so_far = f"{net}'s test loss is {ours}, that of {name}, {chosen}, {theirs}"
    if need.pair.n < ENOUGH:
        return f"whether a {verdict.net} is needed takes {ENOUGH} replicates to tell: so far {so_far}"
    bounds = f"and anything from {change_between(need.pair.low, need.pair.high)} is plausible"
    if need.pair.failed[0]:
        bounds = f"but {net} failed in {need.pair.failed[0]} of {counted(need.pair.n, unit)}"
    return f"whether a {verdict.net} is needed is not clear: {so_far}, {bounds}"


def _behind(verdict: Verdict, pair: PairComparison, reference: BestReference, name: str, unit: str) -> str:
    """Sentences where the whole interval favours the reference, and the correction leaves the question open."""
    net, loss = verdict.ranking[0]
    several = len(verdict.ranking) > 1
    who = f"no {verdict.net} beat" if several else f"{net} did not beat"
    whose = f"The loss of the best net, {net} ({number(loss)})," if several else f"The loss of {net} ({number(loss)})"
    size = f"{change(pair.effect)} ({interval(pair, unit)})"
    need = verdict.need
    chance = f", {_chance(need.p_adjusted, need.family)}"
    if need.hardest not in (net, ""):
        corrected = _corrected(need.p_adjusted, need.family)
        chance = (
            f". That {reference.name} beats every net is not certain: {need.hardest} is the least clear ({corrected})"
        )
    theirs = number(10**reference.typical)
    return f"{who} {name}, {reference.among}, whose test loss is {theirs}. {whose} is {size}{chance}"
