import { checkNumber, exponential, seededRandom, siblingModule } from '@qps/core'
import { Histogram } from '@qps/stats'
import { WorkerPool, type WhenFull } from '@qps/workers'
import { setImmediate as turn } from 'node:timers/promises'
import { measured, measuring, programOptions } from './report.ts'
import type * as Tasks from './worker-tasks.ts'

/*
 * A pool of one thread is offered `--load` times what it can do, as independent callers would: at random instants, whether or not
 * it keeps up. `--policy` is abort, caller-runs, discard, discard-oldest or wait. A request is a task that was asked for.
 *
 * What it can do is measured first: the same hash, one after the other.
 */
const taskMs = 1
/** A result that comes later than this after its task was due is worth nothing. */
const deadlineMs = 50
/** Tasks wait for less than the deadline, if nothing else holds them up. */
const queueMax = 32
const calibrationMs = 500
const module = siblingModule(import.meta.url, 'worker-tasks')
const policies: Record<string, WhenFull> = {
  abort: 'abort',
  'caller-runs': 'caller-runs',
  discard: 'discard',
  'discard-oldest': 'discard-oldest',
  wait: { waitMs: deadlineMs / 2, waitersMax: queueMax },
}

const { warmupS, seconds, given } = programOptions()
const load = checkNumber('load', Number(given['load'] ?? 1), { min: 0.1, max: 10 })
const whenFull = policies[given['policy'] ?? 'abort']
if (whenFull === undefined) {
  process.stderr.write(`error: --policy ${given['policy']} is none of ${Object.keys(policies).join(', ')}\n`)
  process.exit(1)
}

type Pool = WorkerPool<typeof Tasks>

/** Rounds of the hash that take about `taskMs`, and how many such tasks the thread does in a second. */
async function calibrate(pool: Pool): Promise<{ rounds: number; capacityPerS: number }> {
  const timed = async (rounds: number, durationMs: number): Promise<number> => {
    const startMs = performance.now()
    let tasks = 0
    // A few at a time, so that the thread never waits for the next one.
    const caller = async (): Promise<void> => {
      for (; performance.now() - startMs < durationMs; tasks++) await pool.run('hash', rounds)
    }
    await Promise.all([caller(), caller(), caller()])
    return (performance.now() - startMs) / tasks
  }
  const guess = 100_000
  const rounds = Math.max(1, Math.round((guess * taskMs) / (await timed(guess, calibrationMs))))
  return { rounds, capacityPerS: 1000 / (await timed(rounds, calibrationMs)) }
}

class Tally {
  offered = 0
  inTime = 0
  late = 0
  refused = 0
  readonly latencyUs = new Histogram()

  answered(latencyMs: number): void {
    if (latencyMs > deadlineMs) this.late++
    else {
      this.inTime++
      this.latencyUs.record(latencyMs * 1000)
    }
  }
}

/** Asks for tasks at random instants for so long. @returns when all have ended. */
async function offer(pool: Pool, rounds: number, ratePerS: number, durationS: number): Promise<Tally> {
  const tally = new Tally()
  const random = seededRandom(5)
  const startMs = performance.now()
  const endMs = startMs + durationS * 1000
  const pending = new Set<Promise<void>>()
  for (let dueMs = startMs; dueMs < endMs; dueMs += exponential(random, 1000 / ratePerS)) {
    while (performance.now() < dueMs) await turn()
    tally.offered++
    // The latency counts from the instant at which the caller wanted it, not from the one at which it got round to asking.
    const asked = dueMs
    const timeoutMs = Math.max(0, asked + deadlineMs - performance.now())
    const task = pool.run('hash', rounds, { timeoutMs }).then(
      () => tally.answered(performance.now() - asked),
      () => void tally.refused++,
    )
    pending.add(task)
    void task.finally(() => pending.delete(task))
  }
  await Promise.all(pending)
  return tally
}

await using pool: Pool = new WorkerPool<typeof Tasks>({ module, threadsMin: 1, threadsMax: 1, queueMax, whenFull })
await pool.ready()
const { rounds, capacityPerS } = await calibrate(pool)
if (warmupS > 0) await offer(pool, rounds, capacityPerS * load, warmupS)
measuring()
await turn()
const startMs = performance.now()
const tally = await offer(pool, rounds, capacityPerS * load, seconds)
const elapsedS = (performance.now() - startMs) / 1000
await measured({
  requests: tally.offered,
  errors: 0,
  elapsedS,
  figures: {
    capacityPerS,
    goodputRatio: tally.inTime / (capacityPerS * elapsedS),
    latencyMsP99: tally.latencyUs.percentile(0.99) / 1000,
    latencyMsP50: tally.latencyUs.percentile(0.5) / 1000,
    refusedRatio: tally.refused / tally.offered,
    lateRatio: tally.late / tally.offered,
  },
})
