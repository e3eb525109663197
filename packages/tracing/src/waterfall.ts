import { checkInteger } from '@qps/core'
import type { SpanRecord } from './span-store.ts'

export interface WaterfallOptions {
  /** Columns of the bars, 10 to 200. Default 40. */
  width?: number
  /** Spans that are shown, 1 to 10,000; the others are counted. Default 100. */
  spansMax?: number
}

interface Row {
  readonly span: SpanRecord
  readonly depth: number
}

/** Levels that are indented: what is deeper stands below them. */
const indentMax = 12
const textMax = 48

/**
 * The spans of one trace as text, a line each, callers above those that they called: service, name, bar, start after the
 * trace's beginning, duration, error. Names come from anywhere: what could move a terminal's cursor is shown as `·`.
 *
 * Bars of several machines are as true as their clocks agree; durations always are. A span whose caller is not among them
 * stands at the left.
 *
 * @returns '' for no spans.
 * @throws QpsError QPS_OPTION for an option out of its range.
 * @example console.log(waterfall(store.spans(traceId)))
 */
export function waterfall(spans: readonly SpanRecord[], options: WaterfallOptions = {}): string {
  const width = checkInteger('width', options.width ?? 40, { min: 10, max: 200 })
  const spansMax = checkInteger('spansMax', options.spansMax ?? 100, { min: 1, max: 10_000 })
  if (spans.length === 0) return ''
  const rows = rowsOf(spans)
  const shown = rows.slice(0, spansMax)
  const startMs = spans.reduce((least, span) => Math.min(least, span.startMs), Infinity)
  const endMs = spans.reduce((most, span) => Math.max(most, span.startMs + span.durationMs), -Infinity)
  const services = shown.map(({ span }) => plain(span.service))
  const names = shown.map(({ span, depth }) => '  '.repeat(Math.min(depth, indentMax)) + plain(span.name))
  const [serviceWidth, nameWidth] = [longest(services), longest(names)]
  const lines = shown.map(({ span }, index) => {
    const bar = barOf(span.startMs - startMs, span.durationMs, endMs - startMs, width)
    const times = `${milliseconds(span.startMs - startMs)} ${milliseconds(span.durationMs)}`
    const failure = span.status === 'error' ? `  error${span.message ? `: ${plain(span.message)}` : ''}` : ''
    return `${services[index]!.padEnd(serviceWidth)}  ${names[index]!.padEnd(nameWidth)}  ${bar} ${times}${failure}`
  })
  const left = rows.length - shown.length
  return [headline(spans, endMs - startMs), ...lines, ...(left > 0 ? [`… and ${left} more`] : [])].join('\n')
}

function headline(spans: readonly SpanRecord[], totalMs: number): string {
  const services = new Set(spans.map(({ service }) => service)).size
  return `trace ${plain(spans[0]!.traceId)}: ${count(spans.length, 'span')}, ${count(services, 'service')}, ${totalMs.toFixed(1)} ms`
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

/** Callers before what they called, each level by its start; every span once, also where parents form a ring. */
function rowsOf(spans: readonly SpanRecord[]): Row[] {
  const sorted = spans.toSorted((a, b) => a.startMs - b.startMs)
  const known = new Set(sorted.map(({ spanId }) => spanId))
  const children = Map.groupBy(sorted, ({ parentId }) =>
    parentId !== undefined && known.has(parentId) ? parentId : '',
  )
  const rows: Row[] = []
  const seen = new Set<SpanRecord>()
  const visit = (from: readonly SpanRecord[]): void => {
    const left: Row[] = from.toReversed().map((span) => ({ span, depth: 0 }))
    for (let row = left.pop(); row !== undefined; row = left.pop()) {
      if (seen.has(row.span)) continue
      seen.add(row.span)
      rows.push(row)
      const { depth } = row
      for (const span of (children.get(row.span.spanId) ?? []).toReversed()) left.push({ span, depth: depth + 1 })
    }
  }
  visit(children.get('') ?? [])
  if (rows.length < sorted.length) visit(sorted)
  return rows
}

function barOf(offsetMs: number, durationMs: number, totalMs: number, width: number): string {
  const scale = totalMs > 0 ? width / totalMs : 0
  const start = Math.min(width - 1, Math.floor(offsetMs * scale))
  const length = Math.min(width - start, Math.max(1, Math.round(durationMs * scale)))
  return '·'.repeat(start) + '█'.repeat(length) + '·'.repeat(width - start - length)
}

function milliseconds(value: number): string {
  return `${value.toFixed(1)} ms`.padStart(11)
}

/** Without control and format characters, on one line, not too long. */
function plain(text: string): string {
  const shown = text.slice(0, 4 * textMax).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '·')
  return shown.length > textMax ? `${shown.slice(0, textMax - 1)}…` : shown
}

function longest(texts: readonly string[]): number {
  return texts.reduce((most, text) => Math.max(most, text.length), 0)
}
