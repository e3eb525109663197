import { checkInteger, checkNumber, QpsError } from '@qps/core'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Conversion, ThreadText } from './convert.ts'
import { convertElsewhere } from './converter.ts'
import { GcTracer, type GcTrace } from './gc/tracer.ts'
import { forgetOptimizedCodeEverywhere } from './optimized-code.ts'
import { type ProfileKind, profileLimits } from './options.ts'
import { outcomes, type Recording, recordHere, recordThere } from './recordings.ts'
import { threadName, WorkerThreads } from './threads.ts'

export interface ProfilerOptions {
  /** The project's folder: files below it are named relative to it. Default: the working directory. */
  root?: string
  /** Samples of one thread, 1 to 200,000, which is the default. */
  samplesMax?: number
}

export interface ProfileOptions {
  /** How long. 1 ms to 60 s, default 5 s. */
  seconds?: number
  /** Gives up: the call rejects with the signal's reason, and nothing goes on being recorded. */
  signal?: AbortSignal
}

/** A finished profile of all threads. */
export interface Profile extends Conversion {
  kind: ProfileKind
  /** Of `total` and of every `self`. */
  unit: 'nanoseconds' | 'bytes'
  /** How long it was taken, less than asked for where `cutShort` says why. */
  seconds: number
  /** As V8 wrote them, in its own format; the main thread first. */
  texts: readonly ThreadText[]
  /** Threads that gave no profile, with the reason. */
  lost: readonly string[]
  cutShort: string | undefined
  /** What V8 counts as allocated meanwhile, which sampling comes close to; undefined where time was profiled. */
  allocatedBytes: number | undefined
}

/** How often a heap profile looks whether it has samples enough. */
const watchMs = 250

/**
 * Profiles this process while it works: one profile at a time, because two would measure each other.
 *
 * Covers this thread and the worker threads that it started since this object was made. It keeps going on serving: what
 * stays on this thread is V8's sampling and V8's writing of the result, which `samplesMax` bounds.
 *
 * @example
 * using profiler = new Profiler({ root: process.cwd() })
 * const { functions } = await profiler.profile('cpu', { seconds: 5 })
 */
export class Profiler implements Disposable {
  readonly #root: string
  readonly #samplesMax: number
  readonly #threads = new WorkerThreads()
  readonly #gc = new GcTracer(this.#threads)
  #running: string | undefined

  constructor({ root = process.cwd(), samplesMax = profileLimits.samplesMax }: ProfilerOptions = {}) {
    this.#root = root
    this.#samplesMax = checkInteger('samplesMax', samplesMax, { min: 1, max: profileLimits.samplesMax })
  }

  /** What is being taken now, in words. */
  get running(): string | undefined {
    return this.#running
  }

  /** The threads that a profile would cover, by name. */
  get threads(): readonly string[] {
    return ['main', ...this.#threads.running.map(threadName)]
  }

  /** Traces of the collector, which cost next to nothing and may go on beside a profile. */
  get gc(): GcTracer {
    return this.#gc
  }

  get workerThreads(): WorkerThreads {
    return this.#threads
  }

  get root(): string {
    return this.#root
  }

  /**
   * Takes a profile.
   *
   * @throws QpsError QPS_PROFILE_BUSY (retryable) while another one is taken; QPS_OPTION for seconds out of range;
   *   QPS_PROFILE_CONVERSION. The signal's reason.
   */
  profile(kind: ProfileKind, options: ProfileOptions = {}): Promise<Profile> {
    return this.#alone(kind === 'cpu' ? 'CPU profile' : 'heap profile', options, (seconds, signal) =>
      this.#take(kind, seconds, signal),
    )
  }

  /** Records every garbage collection for a while. Throws as {@link profile} does. */
  traceGc(options: ProfileOptions = {}): Promise<GcTrace> {
    return this.#alone('trace of the collector', options, async (seconds, signal) => {
      using trace = this.#gc.start({ heap: true })
      await sleep(seconds * 1_000, undefined, { signal })
      return trace.stop()
    })
  }

  [Symbol.dispose](): void {
    this.#threads[Symbol.dispose]()
  }

  async #alone<Result>(
    what: string,
    { seconds = profileLimits.seconds, signal }: ProfileOptions,
    take: (seconds: number, signal: AbortSignal | undefined) => Promise<Result>,
  ): Promise<Result> {
    checkNumber('seconds', seconds, { min: 0.001, max: profileLimits.secondsMax })
    if (this.#running !== undefined) {
      throw new QpsError('QPS_PROFILE_BUSY', `a ${this.#running} is being taken, and two would measure each other`, {
        retryable: true,
        hint: 'wait until it is done',
      })
    }
    signal?.throwIfAborted()
    this.#running = what
    try {
      return await take(seconds, signal)
    } finally {
      this.#running = undefined
    }
  }

  async #take(kind: ProfileKind, seconds: number, signal: AbortSignal | undefined): Promise<Profile> {
    await using accounting = kind === 'cpu' ? await this.#settle(signal) : undefined
    const wallMs = Date.now()
    const started = await this.#start(kind)
    await accounting?.[Symbol.asyncDispose]()
    const recordings = started.answers.map(({ answer }) => answer)
    const startMs = performance.now()
    let waited: Waited
    let stopped: Awaited<ReturnType<typeof stopAll>>
    try {
      waited = await (kind === 'cpu'
        ? pause(seconds, signal)
        : untilEnough(recordings, this.#samplesMax, seconds, signal))
    } finally {
      // Whatever happened: nothing must go on being recorded.
      stopped = await stopAll(recordings)
    }
    const tookS = (performance.now() - startMs) / 1_000
    const texts = stopped.answers.map(({ name, answer }) => ({ name, text: answer }))
    const period = kind === 'cpu' ? profileLimits.cpuIntervalUs * 1_000 : profileLimits.heapIntervalBytes
    const facts = { kind, period, seconds: tookS, wallMs }
    const conversion = await convertElsewhere({ threads: texts, facts, root: this.#root }, signal)
    const unit = kind === 'cpu' ? 'nanoseconds' : 'bytes'
    return { ...conversion, kind, unit, seconds: tookS, texts, lost: [...started.lost, ...stopped.lost], ...waited }
  }

  /** Begins to record in every thread. */
  #start(kind: ProfileKind): ReturnType<typeof outcomes<Recording>> {
    const samplesMax = this.#samplesMax
    return outcomes([
      { name: 'main', promise: Promise.try(() => recordHere(kind, samplesMax)) },
      ...this.#threads.running.map((worker) => ({
        name: threadName(worker),
        promise: recordThere(worker, kind, samplesMax),
      })),
    ])
  }

  /**
   * Lets V8 make its optimized code anew while it keeps account of what it makes, and waits until most of that is done.
   *
   * @returns what keeps the account; the profile has to begin before its end.
   */
  async #settle(signal: AbortSignal | undefined): Promise<AsyncDisposable> {
    const { answers } = await this.#start('cpu')
    let ended = false
    const end = async (): Promise<void> => {
      if (!ended) await Promise.allSettled(answers.map(({ answer }) => answer.discard()))
      ended = true
    }
    try {
      forgetOptimizedCodeEverywhere()
      await sleep(settleMs, undefined, { signal })
    } catch (error) {
      await end()
      throw error
    }
    return { [Symbol.asyncDispose]: end }
  }
}

/** Hot code is optimized again well within that, under load. */
const settleMs = 500

function stopAll(recordings: readonly Recording[]): ReturnType<typeof outcomes<string>> {
  return outcomes(recordings.map((recording) => ({ name: recording.name, promise: recording.stop() })))
}

/** What is known when the time is over. */
type Waited = Pick<Profile, 'cutShort' | 'allocatedBytes'>

async function pause(seconds: number, signal: AbortSignal | undefined): Promise<Waited> {
  await sleep(seconds * 1_000, undefined, { signal })
  return { cutShort: undefined, allocatedBytes: undefined }
}

/** Waits for the end of the time, or for the moment when a thread has as many samples as it may. */
async function untilEnough(
  recordings: readonly Recording[],
  samplesMax: number,
  seconds: number,
  signal: AbortSignal | undefined,
): Promise<Waited> {
  const bytesMax = samplesMax * profileLimits.heapIntervalBytes
  const allocated = async (): Promise<number[]> =>
    Promise.all(recordings.map((one) => one.allocatedBytes().catch(() => 0)))
  const before = await allocated()
  const endMs = performance.now() + seconds * 1_000
  for (;;) {
    const leftMs = endMs - performance.now()
    await sleep(Math.max(0, Math.min(watchMs, leftMs)), undefined, { signal })
    const bytes = (await allocated()).map((now, index) => Math.max(0, now - before[index]!))
    const enough = bytes.some((own) => own > bytesMax)
    if (!enough && performance.now() < endMs) continue
    const cutShort = enough ? 'it had as many samples as it may have' : undefined
    return { cutShort, allocatedBytes: bytes.reduce((sum, own) => sum + own, 0) }
  }
}
