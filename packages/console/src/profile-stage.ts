import { QpsError } from '@qps/core'
import { type LoadResult, runLoad } from '@qps/loadgen'
import type { AllocationFigures, ProfileKind, ReportedProfile } from '@qps/profile'
import { setTimeout as sleep } from 'node:timers/promises'
import { type StageProcess, startStageProcess } from './stage-process.ts'

export interface ProfileStageOptions {
  /** The file that calls `runStage`. */
  main: string
  /** Options of the stage. */
  options: readonly string[]
  kind: ProfileKind
  /** What is asked for, with a slash in front. */
  path: string
  connections: number
  seconds: number
  signal?: AbortSignal
}

export interface ProfiledStage {
  variant: string
  profile: ReportedProfile
  /** The same profile, gzipped. */
  pprof: Uint8Array
  load: LoadResult
  /** What a request allocates in the stage as it is, without a profile; undefined where time was profiled. */
  asItIs: AllocationFigures | undefined
}

/** Before anything is taken: code that V8 has not compiled yet says nothing about a server that has been up for a while. */
const warmUpS = 3

/**
 * V8 counts what an inlined function allocates to the one that contains it, which may be one of Node's. Without inlining every
 * function has a frame of its own.
 */
const withoutInlining = ['--no-turbo-inlining', '--no-maglev-inlining']

/**
 * Starts a stage, loads it over loopback from this process, and profiles it meanwhile through its admin port. For
 * allocations it starts the stage twice: as it is, for how much is allocated, then without inlining, for who does it.
 *
 * @throws QpsError as the stage's start and the load do; QPS_PROFILE_FAILED where the admin port gives no profile.
 */
export async function profileStage(options: ProfileStageOptions): Promise<ProfiledStage> {
  const { kind, seconds } = options
  if (kind === 'cpu') {
    const taken = await underLoad(options, [], profilePage('/debug/profile', `seconds=${seconds}`))
    return { ...taken, asItIs: undefined }
  }
  const figures = await underLoad(options, [], async ({ admin }, signal) => {
    const answer = await answerOf(
      `${admin}/debug/allocations?seconds=${Math.min(seconds, figuresS)}&format=json`,
      signal,
    )
    return { asItIs: (await answer.json()) as AllocationFigures }
  })
  const query = `seconds=${seconds}${kind === 'live' ? '&live' : ''}`
  const taken = await underLoad(options, withoutInlining, profilePage('/debug/heap', query))
  return { ...taken, asItIs: figures.asItIs }
}

/** A mean over all requests needs less time than a profile. */
const figuresS = 3

/** Runs the stage, loads it, and does something meanwhile, after a warm-up. */
async function underLoad<Taken extends object>(
  { main, options, path, connections, seconds, signal: asked }: ProfileStageOptions,
  flags: readonly string[],
  take: (stage: StageProcess, signal: AbortSignal) => Promise<Taken>,
): Promise<Taken & { variant: string; load: LoadResult }> {
  await using stage = await startStageProcess(main, options, flags)
  const done = new AbortController()
  const signal = AbortSignal.any([done.signal, ...(asked ? [asked] : [])])
  // Ended when everything is taken; the limit is for the case that it never is.
  const durationS = warmUpS + seconds + 60
  const loading = runLoad({ url: new URL(path, stage.url).href, connections, durationS, signal })
  const taking = sleep(warmUpS * 1_000, undefined, { signal }).then(() => take(stage, signal))
  try {
    const taken = await Promise.race([taking, failureOf(loading), stage.lost])
    done.abort()
    return { ...taken, variant: stage.variant, load: await loading }
  } finally {
    done.abort()
    await Promise.allSettled([loading, taking])
  }
}

/** The load is meant to last longer than all else: its end before that is one without success. */
async function failureOf(loading: Promise<LoadResult>): Promise<never> {
  await loading
  throw new QpsError('QPS_PROFILE_FAILED', 'the load ended before the profile did', { hint: 'type the command again' })
}

function profilePage(page: string, query: string) {
  return async (
    { admin }: StageProcess,
    signal: AbortSignal,
  ): Promise<{ profile: ReportedProfile; pprof: Uint8Array }> => {
    const answer = await answerOf(`${admin}${page}?${query}&format=json`, signal)
    const { pprof, ...profile } = (await answer.json()) as ReportedProfile & { pprof: string }
    return { profile, pprof: Buffer.from(pprof, 'base64') }
  }
}

async function answerOf(url: string, signal: AbortSignal): Promise<Response> {
  const answer = await fetch(url, { signal })
  if (answer.ok) return answer
  throw new QpsError('QPS_PROFILE_FAILED', `the admin port answered ${answer.status}: ${await answer.text()}`, {
    hint: 'type the command again',
  })
}
