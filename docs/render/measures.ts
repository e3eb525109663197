import type { Spread, Variant } from '../data/results.ts'

interface Measure {
  /** Heading of its column, with the unit where the figures do not carry it. */
  title: string
  /** The axis of a chart, unit included. */
  axis: string
  show: (value: number) => string
}

/** The one that ranks everything; a scenario that does not have it is ranked by its first measure. */
export const ranking = 'cpuUsPerRequest'

/** Measures that have a name of their own, in the order of their columns. Others are shown by their key. */
const known: Readonly<Record<string, Measure>> = {
  cpuUsPerRequest: { title: 'CPU µs/request', axis: 'CPU µs per request', show: showNumber },
  clientCpuUsPerRequest: { title: 'client CPU µs/request', axis: 'client CPU µs per request', show: showNumber },
  hitRatio: { title: 'hit ratio', axis: 'hit ratio, 0 to 1', show: showShare },
  cpuUsPerHandshake: {
    title: 'server CPU µs/handshake',
    axis: 'server CPU µs per handshake',
    show: showNumber,
  },
  handshakesPerSecond: { title: 'handshakes/s', axis: 'handshakes per second', show: showNumber },
  handshakeBytes: { title: 'bytes/handshake', axis: 'bytes per handshake', show: showBytes },
  roundTrips: { title: 'round trips', axis: 'round trips', show: showNumber },
  resumedRatio: { title: 'resumed', axis: 'share of resumed handshakes', show: showShare },
  rightChoices: { title: 'right choices by ALPN', axis: 'right choices by ALPN', show: showNumber },
  nsPerOperation: { title: 'ns/operation', axis: 'ns per operation', show: showNumber },
  nsPerOperationP99: { title: 'p99 of batches', axis: 'ns per operation, p99 of batches', show: showNumber },
  achievedQps: { title: 'QPS', axis: 'requests per second', show: showNumber },
  latencyMsP50: { title: 'p50', axis: 'p50, ms', show: showMs },
  latencyMsP99: { title: 'p99', axis: 'p99, ms', show: showMs },
  latencyMsP999: { title: 'p99.9', axis: 'p99.9, ms', show: showMs },
  goodputRatioAt3x: { title: 'goodput at 3×', axis: 'goodput at three times the capacity', show: showNumber },
  goodputRatio: { title: 'goodput', axis: 'goodput, as a share of the capacity', show: showShare },
  refusedRatio: { title: 'refused', axis: 'share of tasks that were refused', show: showShare },
  savedRatio: { title: 'saved', axis: 'share of the calls without a chance that were refused', show: showShare },
  wronglyOpenMs: { title: 'wrongly open', axis: 'wrongly open, ms', show: showMs },
  timeToOpenMs: { title: 'time to open', axis: 'time to open, ms', show: showMs },
  timeToRecoverMs: { title: 'time to recover', axis: 'time to recover, ms', show: showMs },
  bytesPerRequest: { title: 'heap bytes/request', axis: 'bytes allocated per request', show: showBytes },
  bytesPerOperation: { title: 'heap bytes/operation', axis: 'bytes allocated per operation', show: showBytes },
  scavengesPerMillion: { title: 'scavenges/million', axis: 'scavenges per million requests', show: showNumber },
  markCompactsPerMillion: {
    title: 'mark-compacts/million',
    axis: 'mark-compacts per million requests',
    show: showNumber,
  },
  gcPauseMsP99: { title: 'p99 of pauses', axis: "p99 of the collector's pauses, ms", show: showMs },
  reconnectsPerSecond: { title: 'reconnects/s', axis: 'reconnects per second', show: showNumber },
  residentBytes: { title: 'resident', axis: 'resident bytes', show: showBytes },
  residentGrowthBytes: { title: 'resident growth', axis: 'growth of the resident set', show: showBytes },
  externalBytes: { title: 'outside of the heap', axis: 'bytes outside of the heap', show: showBytes },
  resets: { title: 'resets', axis: 'requests that were reset', show: showNumber },
  systemCallsPerRequest: { title: 'system calls/request', axis: 'system calls per request', show: showNumber },
  answerCopies: { title: 'times copied', axis: 'times that an answer is copied in user space', show: showNumber },
  copiesPerRequest: { title: 'copies/request', axis: 'copies per request, in user space', show: showNumber },
  copiedBytesPerRequest: { title: 'bytes copied/request', axis: 'bytes copied per request', show: showBytes },
  copiedAfterAll: { title: 'copied after all', axis: 'zero-copy sends that were copied', show: showShare },
  bytesPerConnection: { title: 'bytes/connection', axis: 'bytes per idle connection', show: showBytes },
  idleCpuRatio: { title: 'CPU while idle', axis: 'CPU while idle, in cores', show: showShare },
  voluntarySwitchesPerRequest: {
    title: 'waits/request',
    axis: 'voluntary context switches per request',
    show: showNumber,
  },
  involuntarySwitchesPerRequest: {
    title: 'preemptions/request',
    axis: 'involuntary context switches per request',
    show: showNumber,
  },
  generatorCpuUsPerRequest: { title: 'generator µs/request', axis: 'generator CPU µs per request', show: showNumber },
  pacedCpuUsPerRequest: { title: 'CPU µs/request, paced', axis: 'CPU µs per request, paced', show: showNumber },
}

export function measure(key: string): Measure {
  return Object.hasOwn(known, key) ? known[key]! : { title: key, axis: key, show: showNumber }
}

/** The measures that any of the variants has: the named ones in their order, then the others. */
export function measuresOf(variants: readonly Variant[]): string[] {
  const present = new Set(variants.flatMap(({ summary }) => Object.keys(summary)))
  const named = Object.keys(known).filter((key) => present.has(key))
  return [...named, ...[...present].filter((key) => !named.includes(key)).toSorted()]
}

/** `31.2 [30.8–33.1]`: median, smallest and largest. */
export function showSpread(key: string, spread: Spread | undefined): string {
  if (!spread) return '–'
  const { show } = measure(key)
  return `${show(spread.median)} [${show(spread.min)}–${show(spread.max)}]`
}

export function showMedian(key: string, spread: Spread | undefined): string {
  return spread ? measure(key).show(spread.median) : '–'
}

/** Three significant digits below 100, grouped thousands above. */
export function showNumber(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US')
  return String(Number(value.toPrecision(3)))
}

function showMs(ms: number): string {
  if (ms < 1) return `${Math.round(ms * 1000)} µs`
  return ms < 1000 ? `${showNumber(ms)} ms` : `${showNumber(ms / 1000)} s`
}

function showBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.abs(bytes) || 1) / 10)))
  return `${showNumber(bytes / 1024 ** power)} ${units[power]}`
}

/** `0.31 %` */
function showShare(ratio: number): string {
  return `${showNumber(ratio * 100)} %`
}

/** A ratio of two figures as a signed difference: `+12 %`, `-3.0 %`. */
export function showChange(value: number, reference: number): string {
  const percent = (value / reference - 1) * 100
  return `${percent > 0 ? '+' : ''}${percent.toFixed(Math.abs(percent) < 10 ? 1 : 0)} %`
}
