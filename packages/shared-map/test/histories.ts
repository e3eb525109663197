/*
 * Histories of four threads on a map, judged: `node --conditions=@qps/source packages/shared-map/test/histories.ts --runs 200`.
 * `--help` says what else. Exits with 1 at the first history that no order explains, and draws it.
 */
import { parseArgs } from 'node:util'
import { historyCampaign, type HistoryPlan, historyDefaults } from '@qps/testkit'

const kinds = ['snapshot', 'locked', 'sharded', 'optimistic'] as const
const help = `options, each with its default:
  --runs 200         per kind and form
  --kind all         ${kinds.join(', ')}
  --keys all         string, integer
  --values all       number, bytes
  --key-count all    4 (hot) and 200 (many); a number
  --operations ${historyDefaults.operations}  of each thread
  --threads ${historyDefaults.threads}
  --kill             threads of each run are killed at random points
  --kills 1          how many, with --kill
  --stamps counter   counter, clock
  --seed 1           of the first run
`

const { values: given } = parseArgs({
  options: {
    runs: { type: 'string', default: '200' },
    kind: { type: 'string', default: 'all' },
    keys: { type: 'string', default: 'all' },
    values: { type: 'string', default: 'all' },
    'key-count': { type: 'string', default: 'all' },
    operations: { type: 'string', default: String(historyDefaults.operations) },
    threads: { type: 'string', default: String(historyDefaults.threads) },
    kill: { type: 'boolean', default: false },
    kills: { type: 'string', default: '1' },
    stamps: { type: 'string', default: historyDefaults.stamps },
    seed: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
})
if (given.help) {
  process.stdout.write(help)
  process.exit(0)
}

const all = <T>(word: string, those: readonly T[]): readonly T[] => (word === 'all' ? those : [word as T])
const keyCounts = given['key-count'] === 'all' ? [4, 200] : [Number(given['key-count'])]
const seed = Number(given.seed)
const runs = Number(given.runs)
for (const kind of all(given.kind, kinds)) {
  for (const keys of all(given.keys, ['string', 'integer'] as const)) {
    for (const values of all(given.values, ['number', 'bytes'] as const)) {
      for (const keyCount of keyCounts) {
        await campaign({
          kind,
          keys,
          values,
          keyCount,
          seed,
          threads: Number(given.threads),
          operations: Number(given.operations),
          kills: given.kill ? Number(given.kills) : 0,
          stamps: given.stamps as 'counter' | 'clock',
        })
      }
    }
  }
}

async function campaign(plan: HistoryPlan): Promise<void> {
  const startMs = performance.now()
  const { fault, ...counts } = await historyCampaign({ ...plan, runs })
  const what = `${plan.kind}, ${plan.keys} keys, ${plan.values}, ${plan.keyCount} of them`
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1)
  const { runs: done, operations, pending, killed, locksFreed, unknown, errors } = counts
  const died = killed > 0 ? `, ${killed} threads killed, ${locksFreed} locks freed, ${pending} operations pending` : ''
  const threw = Object.keys(errors).length > 0 ? `, ${JSON.stringify(errors)}` : ''
  process.stdout.write(
    `${what}: ${done} runs, ${operations} operations, ${unknown} too hard${died}${threw}, ${seconds} s\n`,
  )
  if (fault === undefined) return
  process.stderr.write(`seed ${fault.seed}:\n${fault.why}\n`)
  process.exit(1)
}
