// Figures beside their goals, as rows of a table.

/**
 * A row: what it is, its figures, and where there is a goal, whether all of them reach it. A goal is
 * the least or the most that a figure may be.
 */
export function goalRow(text, figures, goal = {}) {
  const isMissed = figures.some((figure) => figure > goal.most || figure < goal.least);
  const goalText = textOf(goal);
  return [text, ...figures.map(numberText), goalText, goalText && (isMissed ? 'MISSED' : 'met')];
}

export function numberText(figure) {
  return figure >= 100
    ? Math.round(figure).toLocaleString('en')
    : figure.toFixed(Number.isInteger(figure) ? 0 : 2);
}

function textOf({ most, least }) {
  if (most !== undefined) return `at most ${numberText(most)}`;
  return least === undefined ? '' : `at least ${numberText(least)}`;
}
