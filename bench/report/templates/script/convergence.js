// Time to target from learning curves: the same rules as bench.convergence and bench.stats.
const convergence = (() => {
  const decode = (text, bits) => {
    const bytes = Uint8Array.from(atob(text), character => character.charCodeAt(0));
    return bits === 64 ? new Float64Array(bytes.buffer) : new Float32Array(bytes.buffer);
  };

  // The step at which values first meet the target, linear between evaluations (in the logarithm where a positive
  // value must fall); NaN: not within the budget.
  const stepsToTarget = (steps, values, target, below) => {
    let before = null;
    for (let i = 0; i < steps.length; i++) {
      const value = values[i];
      if (Number.isNaN(value)) continue;
      if (below ? value <= target : value >= target) {
        if (before === null) return steps[i];
        let [start, first, last, goal] = [steps[before], values[before], value, target];
        if (below && Math.min(first, last, goal) > 0) [first, last, goal] = [first, last, goal].map(Math.log);
        return start + (steps[i] - start) * (goal - first) / (last - first);
      }
      before = i;
    }
    return NaN;
  };

  // Wilson's 95 % interval of a share.
  const wilson = (solved, n) => {
    const z = 1.959963984540054, share = solved / n, scale = 1 + z * z / n;
    const middle = (share + z * z / (2 * n)) / scale;
    const half = z / scale * Math.sqrt(share * (1 - share) / n + z * z / (4 * n * n));
    return [Math.max(0, middle - half), Math.min(1, middle + half)];
  };

  // Kaplan–Meier where all are censored at one horizon: the median (NaN: fewer than half got there) and the mean
  // time spent unsolved within the horizon.
  const survival = (times, horizon) => {
    const reached = times.filter(time => !Number.isNaN(time)).map(time => Math.min(time, horizon)).sort((a, b) => a - b);
    const n = times.length;
    const median = reached.length * 2 >= n && n ? reached[Math.ceil(n / 2) - 1] : NaN;
    const mean = n ? (reached.reduce((sum, time) => sum + time, 0) + (n - reached.length) * horizon) / n : NaN;
    return { n, solved: reached.length, reached, median, mean };
  };

  // Quantiles of sorted numbers, linear between neighbours.
  const quantile = (sorted, share) => {
    const place = (sorted.length - 1) * share, low = Math.floor(place), high = Math.ceil(place);
    return sorted[low] + (sorted[high] - sorted[low]) * (place - low);
  };

  return { decode, stepsToTarget, wilson, survival, quantile };
})();
