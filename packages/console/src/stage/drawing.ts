/** A line of a drawing: a name, a bar, a few words. */
export interface DrawnRow {
  label: string
  /** Where the bar begins and ends, 0..1 of the width. */
  start: number
  end: number
  /** Behind the bar. */
  note: string
  /** How much it asks for attention, 0..1: a color from calm to hot on a page. Default 0. */
  heat?: number
}

/** What a view shows at one moment. */
export interface Drawing {
  /** One line above the rows. */
  caption: string
  /** At most {@link rowsMax} are shown. */
  rows: readonly DrawnRow[]
}

/** Rows of a drawing that are shown; what comes behind them is counted. */
export const rowsMax = 128
/** Cells of a bar on a terminal. */
const barCells = 40
const labelCellsMax = 32

/** The drawing for a terminal, without colors: it may stand in a file. */
export function drawingText(title: string, { caption, rows }: Drawing): string {
  const shown = rows.slice(0, rowsMax)
  const labelCells = Math.min(labelCellsMax, Math.max(0, ...shown.map(({ label }) => label.length)))
  const lines = shown.map(({ label, start, end, note }) =>
    printable(`${cut(label, labelCells)}  ${cells(start, end)}  ${note}`).trimEnd(),
  )
  if (rows.length > shown.length) lines.push(`and ${rows.length - shown.length} more`)
  return [title, printable(caption), ...lines].join('\n')
}

/** Part of a drawing may come from a request, and a terminal obeys control characters (row S25). */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?')
}

function cut(label: string, cells: number): string {
  return label.length > cells ? `${label.slice(0, cells - 1)}…` : label.padEnd(cells)
}

/** At least one cell, where there is anything: what is short is not the same as what is not there. */
function cells(start: number, end: number): string {
  const from = Math.min(barCells - 1, Math.floor(clamp(start) * barCells))
  const to = end > start ? Math.max(from + 1, Math.round(clamp(end) * barCells)) : from
  return ('·'.repeat(from) + '█'.repeat(to - from)).padEnd(barCells, '·')
}

/** @returns 0..1, also of what is no number. */
export function clamp(ratio: number): number {
  return ratio > 0 ? Math.min(1, ratio) : 0
}
