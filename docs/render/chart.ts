import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import type { Kind, Variant } from '../data/results.ts'
import { measure, showSpread } from './measures.ts'
import { escapeHtml } from './table.ts'

/** Drawn narrow and scaled up: letters stay legible on a telephone. */
const widthPx = 440
const rowPx = 30
const letterPx = 8.2

/** Colors are named in the style sheet, where dark and light differ. */
const fill: Record<Kind, string> = {
  ours: 'var(--chart-ours)',
  peer: 'var(--chart-peer)',
  reference: 'var(--chart-reference)',
}

/**
 * One measure of every variant, drawn at build time: a bar to the median, a whisker from the smallest to the largest round.
 *
 * @param key of the measure; variants without it are left out.
 * @returns one line of HTML, a figure with an SVG; empty where no variant has the measure.
 */
export function chart(variants: readonly Variant[], key: string): string {
  const bars = variants.flatMap(({ name, kind, summary, void: voided }) => {
    const spread = summary[key]
    return spread ? [{ name: voided[key] === undefined ? name : `${name} †`, kind, spread }] : []
  })
  if (bars.length === 0) return ''
  const { document } = parseHTML('<html><body></body></html>')
  const longest = Math.max(...bars.map(({ name }) => name.length))
  const drawing = Plot.plot({
    document,
    width: widthPx,
    height: bars.length * rowPx + 64,
    marginTop: 8,
    marginBottom: 48,
    marginLeft: Math.min(200, Math.ceil(longest * letterPx) + 14),
    marginRight: 16,
    className: 'qps-chart',
    x: { label: `${measure(key).axis} (median, min to max)`, labelAnchor: 'left', ticks: 5, zero: true, nice: true },
    y: { label: null, domain: bars.map(({ name }) => name), padding: 0.35, tickSize: 0 },
    marks: [
      Plot.gridX({ ticks: 5, stroke: 'currentColor', strokeOpacity: 0.15 }),
      Plot.barX(bars, {
        y: 'name',
        x: (bar: Bar) => bar.spread.median,
        fill: (bar: Bar) => fill[bar.kind],
      }),
      Plot.ruleY(bars, { y: 'name', x1: lowest, x2: highest, stroke: 'currentColor', strokeWidth: 1.5 }),
      Plot.tickX(bars, { y: 'name', x: lowest, stroke: 'currentColor', strokeWidth: 1.5, inset: 3 }),
      Plot.tickX(bars, { y: 'name', x: highest, stroke: 'currentColor', strokeWidth: 1.5, inset: 3 }),
      Plot.ruleX([0], { stroke: 'currentColor' }),
    ],
  })
  return figure(drawing.outerHTML, bars, key)
}

interface Bar {
  name: string
  kind: Kind
  spread: Variant['summary'][string]
}

const lowest = (bar: Bar): number => bar.spread.min
const highest = (bar: Bar): number => bar.spread.max

function figure(svg: string, bars: readonly Bar[], key: string): string {
  // The page's own style sheet styles it: a style element inside a page's template would be dropped.
  const drawing = svg
    .replaceAll(/<style>.*?<\/style>/gs, '')
    .replace('<svg ', `<svg role="img" aria-label="${escapeHtml(described(bars, key))}" `)
    .replaceAll(/\s+/g, ' ')
  const shownKinds = (Object.keys(fill) as Kind[]).filter((kind) => bars.some((bar) => bar.kind === kind))
  const legend = shownKinds.map((kind) => `<span class="qps-key qps-key-${kind}">${kind}</span>`).join(' ')
  return `<figure class="qps-figure">${drawing}<figcaption>${legend}</figcaption></figure>`
}

/** The chart in words, for who does not see it. */
function described(bars: readonly Bar[], key: string): string {
  const values = bars.map(({ name, spread }) => `${name} ${showSpread(key, spread)}`)
  return `${measure(key).axis}: ${values.join('; ')}`
}
