import { parseArgs } from 'node:util'
import { type Backend, probe } from '@qps/netpoll'
import { soak, type SoakSample } from './soak-run.ts'

/*
 * node --conditions=@qps/source packages/http1/test/soak.ts --minutes 60 --backend io_uring
 *
 * Loads a server at six tenths of what it can do, with clients that come and vanish beside, and fails where it does not
 * end as it began: memory flat over the second half, no descriptor more, no request lost.
 */
const say = (line: string): void => void process.stdout.write(`${line}\n`)
const complain = (line: string): void => void process.stderr.write(`${line}\n`)

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '60' }, backend: { type: 'string', default: 'io_uring' } },
})
const minutes = Number(values.minutes)
const backends: readonly string[] = Object.keys(probe())
if (!(minutes >= 0.1 && minutes <= 60) || !backends.includes(values.backend)) {
  complain(`--minutes is a number from 0.1 to 60, --backend one of ${backends.join(', ')}`)
  process.exit(2)
}

const mebibytes = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1)
const columns: [title: string, (sample: SoakSample) => string][] = [
  ['s', ({ atS }) => atS.toFixed(0)],
  ['rss MiB', ({ rssBytes }) => mebibytes(rssBytes)],
  ['native MiB', ({ nativeBytes }) => mebibytes(nativeBytes)],
  ['heap MiB', ({ heapBytes }) => mebibytes(heapBytes)],
  ['external MiB', ({ externalBytes }) => mebibytes(externalBytes)],
  ['descriptors', ({ descriptors }) => String(descriptors)],
  ['open', ({ stats }) => String(stats.open)],
  ['accepted', ({ stats }) => String(stats.accepted)],
  ['MiB in', ({ stats }) => mebibytes(stats.bytesRead)],
  ['starved', ({ stats }) => String(stats.receiveStarved + stats.outputStarved)],
  ['overflows', ({ stats }) => String(stats.overflows)],
]
const row = (cells: string[]): void => say(cells.map((cell) => cell.padStart(13)).join(''))

row(columns.map(([title]) => title))
const { rateQps, load, churned, failures } = await soak({
  backend: values.backend as Backend,
  durationS: minutes * 60,
  intervalS: Math.max(1, minutes / 10),
  onSample: (sample) => row(columns.map(([, show]) => show(sample))),
})
say(`offered ${rateQps}/s, ${load.requests} answers, ${load.errors} errors, ${churned} clients came and vanished`)
for (const failure of failures) complain(`FAILED: ${failure}`)
process.exitCode = failures.length > 0 ? 1 : 0
