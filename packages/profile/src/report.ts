import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { AllocationFigures } from './allocations.ts'
import type { FunctionCost } from './costs.ts'
import type { ProfileKind } from './options.ts'

/** What a report needs of a profile; a program gets it as JSON from the admin port. */
export interface ReportedProfile {
  kind: ProfileKind
  seconds: number
  total: number
  functions: readonly FunctionCost[]
  threads: readonly { name: string; total: number }[]
  lost: readonly string[]
  cutShort: string | undefined
  /** What V8 counts as allocated; undefined where time was profiled. */
  allocatedBytes?: number | undefined
  /** Requests answered meanwhile; 0 where nobody counted. */
  requests: number
}

export interface ReportOptions {
  /** Functions to show. Default 10. */
  rows?: number
  /** The project's folder, to show the text of lines. Without it none is shown. */
  root?: string | undefined
}

/**
 * A profile as a table: what the functions that cost most have cost by themselves, where they are and whose they are. A
 * native function that V8 does not show is part of the line that called it; therefore that line is shown as it is written.
 */
export function profileReport(profile: ReportedProfile, { rows = 10, root }: ReportOptions = {}): string {
  const { requests, total, allocatedBytes } = profile
  const cells = profile.functions
    .slice(0, rows)
    .map((cost) => [
      amountOf(profile, cost.self),
      `${(cost.share * 100).toFixed(1)} %`,
      cost.name,
      whereOf(cost),
      cost.kind,
      root === undefined || cost.kind !== 'ours' ? '' : sourceLine(root, cost),
    ])
  const unit = unitOf(profile)
  const whole = `${amountOf(profile, total)} ${unit} in ${profile.seconds.toFixed(1)} s`
  const threads = profile.threads.length === 1 ? '' : `, ${profile.threads.length} threads`
  return [
    ...table([unit, 'share', 'function', 'where', 'whose', 'line'], cells),
    `${whole}${requests === 0 ? '' : `, ${requests} requests`}${threads}`,
    ...(profile.kind !== 'allocations' || allocatedBytes === undefined
      ? []
      : [`sampled; V8 counts ${amountOf(profile, allocatedBytes)} ${unit}`]),
    ...(profile.cutShort === undefined ? [] : [`it ended early: ${profile.cutShort}`]),
    ...profile.lost.map((why) => `without ${why}`),
    '',
  ].join('\n')
}

/** The figures of a look, a line each. */
export function allocationReport(figures: AllocationFigures): string {
  const mebibytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MiB`
  const lines: [string, string][] = [
    ['seconds', figures.seconds.toFixed(1)],
    ['requests', String(figures.requests)],
    ['allocated', mebibytes(figures.allocatedBytes)],
    ['per request', `${figures.bytesPerRequest.toFixed(0)} B`],
    ['scavenges', `${figures.scavenges}, ${figures.scavengesPerMillion.toFixed(0)} per million requests`],
    ['mark-compacts', `${figures.markCompacts}, ${figures.markCompactsPerMillion.toFixed(1)} per million requests`],
    ['pauses', `p99 ${figures.pauseMsP99.toFixed(2)} ms, longest ${figures.pauseMsMax.toFixed(2)} ms`],
    ['paused', `${figures.pausedMs.toFixed(1)} ms together`],
    ['resident', mebibytes(figures.residentBytes)],
    ['heap', mebibytes(figures.heapUsedBytes)],
    ['external', mebibytes(figures.externalBytes)],
  ]
  return lines.map(([name, text]) => `${name.padEnd(14)}${text}\n`).join('')
}

function unitOf({ kind, requests }: ReportedProfile): string {
  const unit = kind === 'cpu' ? 'µs' : 'B'
  if (requests > 0) return `${unit}/request`
  return kind === 'cpu' ? 'ms' : 'KiB'
}

function amountOf({ kind, requests }: ReportedProfile, value: number): string {
  if (requests > 0) return significant(kind === 'cpu' ? value / 1e3 / requests : value / requests)
  return significant(kind === 'cpu' ? value / 1e6 : value / 1024)
}

function significant(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)))
}

function whereOf({ file, line, hotLine }: FunctionCost): string {
  if (file === '') return 'native'
  return `${file}:${hotLine > 0 ? hotLine : line}`
}

/** Longer files are not read for the sake of a line. */
const fileBytesMax = 1024 * 1024

function sourceLine(root: string, { file, line, hotLine }: FunctionCost): string {
  try {
    const path = resolve(root, file)
    if (statSync(path).size > fileBytesMax) return ''
    const text = readFileSync(path, 'utf8').split('\n')[(hotLine > 0 ? hotLine : line) - 1]?.trim() ?? ''
    return shortened(text)
  } catch {
    // A script without a file: there is no line to show.
    return ''
  }
}

/** What V8 never shows by itself: its time and its bytes are those of the line that calls it. */
const folded = /\bJSON\.(?:stringify|parse)\b/g

/** The beginning of a line, and the names in the rest of it that explain its cost. */
function shortened(text: string): string {
  if (text.length <= lineLengthMax) return text
  const shown = `${text.slice(0, lineLengthMax - 1)}…`
  const calls = new Set(text.match(folded))
  const hidden = [...calls].filter((call) => !shown.includes(call))
  return hidden.length === 0 ? shown : `${shown} ${hidden.join(', ')}`
}

const lineLengthMax = 60

/** The first two columns hold figures and stand right. */
function table(titles: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const lines = [titles, ...rows]
  const widths = titles.map((_title, column) => Math.max(...lines.map((cells) => cells[column]!.length)))
  return lines.map((cells) =>
    cells
      .map((cell, column) => (column < 2 ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd(),
  )
}
