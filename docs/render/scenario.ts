import type { Results, Variant } from '../data/results.ts'
import { chart } from './chart.ts'
import { measure, measuresOf, ranking, showMedian, showNumber, showSpread } from './measures.ts'
import { type Column, plain, table } from './table.ts'

/** What stands where a scenario has no results file yet. */
export function notMeasured(scenario: string): string {
  return [
    '::: info Not measured yet',
    `No results of \`${scenario}\` are stored. This command measures it here and stores them:`,
    '',
    '```sh',
    `npm run bench -- ${scenario} --save`,
    '```',
    ':::',
  ].join('\n')
}

/** One measurement as Markdown: chart, table, verdict, noise, reasons, and what it was measured on. */
export function measurement(results: Results): string {
  const key = rankedBy(results.variants)
  const parts = [
    key === undefined ? '' : chart(results.variants, key),
    variantsTable(results.variants),
    notes(results),
    provenance(results),
    ...results.sweeps.map(({ inputs, variants }) => `**${plain(inputs)}**\n\n${variantsTable(variants)}`),
  ]
  return parts.filter((part) => part !== '').join('\n\n')
}

function rankedBy(variants: readonly Variant[]): string | undefined {
  const present = measuresOf(variants)
  return present.includes(ranking) ? ranking : present[0]
}

/** Shown beside the ranked measure, where a scenario has them. Everything else stands in {@link furtherMeasures}. */
const leading = ['achievedQps', 'latencyMsP50', 'latencyMsP99']

function variantsTable(variants: readonly Variant[]): string {
  const key = rankedBy(variants)
  if (key === undefined) return 'No variant gave a figure.'
  const present = measuresOf(variants)
  const beside = leading.filter((name) => present.includes(name) && name !== key)
  // X µs of CPU per request are X cores for a million requests per second: the same figure with another unit.
  const cores = present.includes(ranking) ? [ranking] : []
  const columns: Column[] = [
    { title: 'variant' },
    { title: 'kind' },
    { title: `${measure(key).title}, median [min–max]`, align: 'right' },
    ...beside.map((name): Column => ({ title: measure(name).title, align: 'right' })),
    ...cores.map((): Column => ({ title: 'cores for 1M', align: 'right' })),
    { title: 'validity' },
  ]
  const rows = variants.map((variant) => [
    plain(variant.name),
    variant.kind,
    marked(variant, key, showSpread(key, variant.summary[key])),
    ...[...beside, ...cores].map((name) => marked(variant, name, showMedian(name, variant.summary[name]))),
    Object.keys(variant.void).length === 0 ? 'valid' : 'see †',
  ])
  return figures(table(columns, rows))
}

/** The measures that the main table leaves out, medians with their range; empty where there are none. */
export function furtherMeasures({ variants }: Results): string {
  const key = rankedBy(variants)
  const names = measuresOf(variants).filter((name) => name !== key && !leading.includes(name))
  if (names.length === 0) return ''
  const columns = [
    { title: 'variant' },
    ...names.map((name): Column => ({ title: measure(name).title, align: 'right' })),
  ]
  const rows = variants.map((variant) => [
    plain(variant.name),
    ...names.map((name) => marked(variant, name, showSpread(name, variant.summary[name]))),
  ])
  return figures(table(columns, rows))
}

/** Figures never wrap; the table scrolls instead. */
function figures(markdown: string): string {
  return `<div class="qps-figures">\n\n${markdown}\n\n</div>`
}

function marked(variant: Variant, key: string, shown: string): string {
  return variant.void[key] === undefined ? shown : `${shown} †`
}

/** Why figures of a variant must not be compared: one reason is said once. */
function voidNotes({ name, void: voided }: Variant): string[] {
  const reasons = new Map<string, string[]>()
  for (const [key, reason] of Object.entries(voided)) reasons.set(reason, [...(reasons.get(reason) ?? []), key])
  return [...reasons].map(([reason, keys]) => {
    return `- † ${plain(name)}, ${keys.map((key) => measure(key).title).join(', ')}: ${plain(reason)}`
  })
}

function notes({ verdict, noiseFloor, reasons, skipped, variants }: Results): string {
  const floor = noiseFloor === undefined ? 'not measured' : `${showNumber(noiseFloor * 100)} %`
  return [
    `- **Verdict:** \`${verdict}\` ([what that means](/how-we-measure.md#verdicts))`,
    `- **Noise floor:** ${floor}`,
    ...reasons.map((reason) => `- ${plain(reason)}`),
    ...variants.flatMap(voidNotes),
    ...skipped.map(({ name, reason, install }) => `- Skipped ${plain(name)}: ${plain(reason)}; ${plain(install)}`),
  ].join('\n')
}

function provenance({ machine, commit, dirty, measuredAt, rounds, scenario }: Results): string {
  const code = `commit \`${plain(commit.slice(0, 12))}\`${dirty ? ' with changes' : ''}`
  const where = `${plain(machine.cpu)}, ${machine.cores} cores, ${plain(machine.os)}, Node ${plain(machine.node)}`
  return (
    `Measured on ${where}; ${code}, ${plain(measuredAt.slice(0, 10))}, ${rounds} rounds. ` +
    `Again, where you are: \`npm run bench -- ${scenario}\`.`
  )
}

/** The ranked measure of every round, as it was seen: nothing is left out. */
export function rawRounds({ variants }: Results): string {
  const key = rankedBy(variants)
  const most = Math.max(0, ...variants.map(({ rounds }) => rounds.length))
  if (key === undefined || most === 0) return ''
  const columns: Column[] = [
    { title: measure(key).title },
    ...Array.from({ length: most }, (_, index): Column => ({ title: `round ${index + 1}`, align: 'right' })),
  ]
  const rows = variants.map(({ name, rounds }) => [
    plain(name),
    ...Array.from({ length: most }, (_, index) => {
      const value = rounds[index]?.[key]
      return value === undefined ? '–' : measure(key).show(value)
    }),
  ])
  return figures(table(columns, rows))
}
