import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '@qps/core'
import { createSharedMap, type KeyForm, type MapKind, type SharedMap, type ValueForm } from '@qps/shared-map'
import {
  checkLinearizable,
  clockStamps,
  counterStamps,
  HistoryLog,
  type Linearizability,
  type Operation,
  readHistory,
} from '../linearizability/index.ts'
import type { MapCrew, RunningJob } from './crew.ts'
import type { MapFault } from './faults.ts'
import { lookAtAll } from './last-look.ts'
import { mapMethods } from './map-methods.ts'
import { idMax, idReserve, idStep, recordedBytesMax, recordedKey } from './recorded-values.ts'
import { gateBytes, gateFields } from './thread-job.ts'

/** A run of threads that do random operations on one map. */
export interface HistoryPlan {
  kind: MapKind
  /** Default `string`. */
  keys?: KeyForm
  /** Default `number`. */
  values?: ValueForm
  /** Decides operations, keys, values and kills; what the machine decides it does not. */
  seed: number
  /** Default 4. */
  threads?: number
  /** Of each thread; default 2000. */
  operations?: number
  /** Keys in use: few are hot, many grow the map. Default 4. */
  keyCount?: number
  /** Threads that are killed at a random point. Default 0. */
  kills?: number
  /** Default `counter`; see counterStamps and clockStamps. */
  stamps?: 'counter' | 'clock'
  /** Sees the map through a fault: the history should be found out. */
  fault?: MapFault
}

/** What applies where a {@link HistoryPlan} leaves something out. */
export const historyDefaults: Readonly<Required<Omit<HistoryPlan, 'kind' | 'seed' | 'fault'>>> = {
  keys: 'string',
  values: 'number',
  threads: 4,
  operations: 2000,
  keyCount: 4,
  kills: 0,
  stamps: 'counter',
}

/** What came of a run. */
export interface HistoryRun {
  history: Operation[]
  /** Of the history; each thread that died has left at most one operation pending, each error too. */
  judged: Linearizability
  /** What is wrong with what the map says of itself when all is quiet: its size, its entries. Empty where nothing is. */
  remains: string[]
  killed: number
  /** Locks that dead threads held. */
  locksFreed: number
  /** Errors of operations, by code. */
  errors: Record<string, number>
}

/** The last of a run's threads must have ended by then: nothing waits for ever. */
const runTimeoutMs = 30_000
/** Longer than it takes to see that a thread is dead, on a machine that is busy with others. */
const lockTimeoutMs = 10_000
/** A thread is killed within so long after they all began, or after the one before. */
const killWithinMs = 4

type Plan = HistoryPlan & Required<Pick<HistoryPlan, keyof typeof historyDefaults>>

/** A thread of a run: who it is in the map's locks, and what it does. */
interface Member {
  owner: number
  job: RunningJob
}

/**
 * Records what threads do on a new map, and judges it. At the end this thread reads every key, as one thread more.
 *
 * @throws Error where a thread fails, or does not end: a lock that nobody frees.
 */
export async function runHistory(crew: MapCrew, given: HistoryPlan): Promise<HistoryRun> {
  const plan: Plan = { ...historyDefaults, ...given }
  const { kind, keys, values, threads, operations, keyCount } = plan
  if (idStep * threads * operations > idMax - idReserve)
    throw new Error(`${threads} threads with ${operations} operations each need more ids than there are`)
  const bytes = values === 'bytes' ? { valueBytesMax: recordedBytesMax } : {}
  using map = createSharedMap({ kind, keys, values, capacity: 2 * keyCount, lockTimeoutMs, ...bytes }) as SharedMap
  const gate = new SharedArrayBuffer(gateBytes)
  const originNs = plan.stamps === 'clock' ? process.hrtime.bigint() - 1n : undefined
  const logs = Array.from({ length: threads }, () => new SharedArrayBuffer(HistoryLog.bytes(operations)))
  const members = startAll(crew, map, plan, { logs, gate, originNs })
  const told = await endAll(map, plan, members, gate)

  const ownLog = new SharedArrayBuffer(HistoryLog.bytes(keyCount))
  const stamp = originNs === undefined ? counterStamps(new Int32Array(gate, 0, 1)) : clockStamps(originNs)
  const remains = lookAtAll(map, plan, new HistoryLog(ownLog, stamp))
  const history = readHistory([...logs, ownLog], { methods: mapMethods, key: (index) => recordedKey(keys, index) })
  return { history, judged: checkLinearizable(history), remains, ...told }
}

function startAll(
  crew: MapCrew,
  map: SharedMap,
  { seed, threads, operations, keyCount, fault }: Plan,
  shared: { logs: readonly SharedArrayBuffer[]; gate: SharedArrayBuffer; originNs: bigint | undefined },
): Member[] {
  const { logs, gate, originNs: clockOriginNs } = shared
  const common = { task: 'history' as const, threads, operations, keyCount, gate, clockOriginNs, fault }
  return logs.map((log, thread) => {
    const handle = map.share()
    return { owner: handle.owner, job: crew.start({ ...common, handle, thread, log, seed: seed * threads + thread }) }
  })
}

/** Kills whom the plan says, frees what they held, and waits for the others. */
async function endAll(
  map: SharedMap,
  { kind, seed, kills, threads }: Plan,
  members: readonly Member[],
  gate: SharedArrayBuffer,
): Promise<Pick<HistoryRun, 'killed' | 'locksFreed' | 'errors'>> {
  const told = { killed: 0, locksFreed: 0, errors: {} as Record<string, number> }
  const ends = members.map(async ({ job, owner }) => {
    const end = await job.ended
    if ('failed' in end) throw new Error(`a thread failed: ${end.failed}`)
    if ('killed' in end) {
      told.killed++
      told.locksFreed += map.declareDead(owner)
      return
    }
    for (const [code, count] of Object.entries(end.errors)) told.errors[code] = (told.errors[code] ?? 0) + count
  })
  const all = inTime(Promise.all(ends), `seed ${seed} of ${kind}: not all threads ended`)
  await Promise.race([opened(gate), all])
  const random = seededRandom(seed)
  for (let victim = 0; victim < kills; victim++) {
    await sleep(random() * killWithinMs)
    members[victim % threads]!.job.kill()
  }
  await all
  return told
}

/** Resolves when the threads go. */
async function opened(memory: SharedArrayBuffer): Promise<void> {
  const waiting = Atomics.waitAsync(new Int32Array(memory), gateFields.open, 0, runTimeoutMs)
  if (waiting.async) await waiting.value
}

async function inTime(done: Promise<unknown>, what: string): Promise<void> {
  const late = new AbortController()
  const timeout = sleep(runTimeoutMs, undefined, { signal: late.signal }).then(
    () => Promise.reject(new Error(`${what} within ${runTimeoutMs / 1000} s`)),
    () => {},
  )
  await Promise.race([done, timeout]).finally(() => late.abort())
}
