// From measured slices to figures, and figures as text.

/** The value below which this share of the values lies. */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The figures of one slice: requests that the same clients sent one after the other. */
export function figuresOf({ durationMs, latenciesMs, cpuMicros }) {
  const requests = latenciesMs.length;
  return {
    perSecond: (requests * 1_000) / durationMs,
    p50Ms: quantile(latenciesMs, 0.5),
    p99Ms: quantile(latenciesMs, 0.99),
    cpuMicros: cpuMicros / requests,
  };
}

/** The median of each figure over the rounds. */
export function medians(rounds) {
  const [first] = rounds;
  return Object.fromEntries(
    Object.keys(first).map((name) => [name, median(rounds.map((round) => round[name]))]),
  );
}

/** Rows of texts as lines: the first column to the left, all others to the right. */
export function alignedLines(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row
      .map((text, column) =>
        column === 0 ? text.padEnd(widths[column]) : text.padStart(widths[column]),
      )
      .join('  ')
      .trimEnd(),
  );
}
