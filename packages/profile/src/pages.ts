import { QpsError } from '@qps/core'
import { type AdminPage, type AdminRoute, errorBody } from '@qps/http-contract'
import { setTimeout as sleep } from 'node:timers/promises'
import { AllocationWatch } from './allocations.ts'
import { profileName, v8Ending } from './files.ts'
import { gcTimeline, traceEvents } from './gc/formats.ts'
import { type ProfileKind, profileLimits } from './options.ts'
import type { Profile, Profiler } from './profiler.ts'
import { allocationReport, profileReport, type ReportedProfile } from './report.ts'
import type { RequestCount } from './request-count.ts'

export interface DebugPagesOptions {
  profiler: Profiler
  requests: RequestCount
  /** What runs, for the names of files. Asked at each request. */
  about: () => string
}

/** The pages, and what holds something while they are looked at. */
export interface DebugPages extends AsyncDisposable {
  routes: Readonly<Record<string, AdminRoute>>
}

/**
 * Pages of an admin port: `/debug/profile`, `/debug/heap`, `/debug/gc`, `/debug/allocations`, and `/debug`, which lists them.
 * All take `?seconds=1..60`. While one profile is taken the next one is answered 409; a client that goes away ends its own.
 *
 * @example
 * go tool pprof 'http://127.0.0.1:9464/debug/profile?seconds=5'
 */
export function debugPages({ profiler, requests, about }: DebugPagesOptions): DebugPages {
  const watch = new AllocationWatch(profiler.workerThreads, profiler.gc, requests)
  const profilePage = (kindOf: (query: URLSearchParams) => ProfileKind): AdminRoute =>
    answering(async (query, signal) => {
      const kind = kindOf(query)
      const format = formatOf(query, ['pprof', v8Ending(kind), 'text', 'json'])
      using window = await requests.open()
      const profile = await profiler.profile(kind, { seconds: secondsOf(query), signal })
      const reported = reportable(profile, await window.read())
      return profileIn(format, profile, reported, { query, about: about(), root: profiler.root })
    })
  const routes: Record<string, AdminRoute> = {
    '/debug': async () => plain(index(profiler)),
    '/debug/profile': profilePage(() => 'cpu'),
    '/debug/heap': profilePage((query) => (query.has('live') ? 'live' : 'allocations')),
    '/debug/gc': answering(async (query, signal) => {
      const format = formatOf(query, ['text', 'trace'])
      const trace = await profiler.traceGc({ seconds: secondsOf(query), signal })
      if (format === 'text') return plain(gcTimeline(trace))
      const filename = `${profileName('gc', about())}.json`
      return { contentType: 'application/json', body: JSON.stringify(traceEvents(trace, process.pid)), filename }
    }),
    '/debug/allocations': answering(async (query, signal) => {
      const format = formatOf(query, ['text', 'json'])
      const seconds = secondsOf(query)
      if (!watch.watching) await watch.look()
      else if (!query.has('seconds')) return figuresPage(format, (await watch.look())!)
      else await watch.look()
      await sleep(seconds * 1_000, undefined, { signal })
      const figures = await watch.look()
      if (figures === undefined) throw busy('somebody else is looking')
      return figuresPage(format, figures)
    }),
  }
  return { routes, [Symbol.asyncDispose]: () => watch[Symbol.asyncDispose]() }
}

function figuresPage(format: string, figures: Parameters<typeof allocationReport>[0]): AdminPage {
  return format === 'json' ? json(figures) : plain(allocationReport(figures))
}

/** What a client that asked for the wrong thing, or at the wrong time, is told. */
function answering(route: AdminRoute): AdminRoute {
  return async (query, signal) => {
    try {
      return await route(query, signal)
    } catch (error) {
      if (!(error instanceof QpsError)) throw error
      const status = error.code === 'QPS_PROFILE_BUSY' ? 409 : error.code === 'QPS_OPTION' ? 400 : 500
      const message = `${error.message}${error.hint === undefined ? '' : `; ${error.hint}`}`
      const body = errorBody({ code: error.code.slice('QPS_'.length).toLowerCase(), message })
      return { status, contentType: 'application/json', body }
    }
  }
}

function busy(why: string): QpsError {
  return new QpsError('QPS_PROFILE_BUSY', why, { retryable: true, hint: 'ask again' })
}

function secondsOf(query: URLSearchParams): number {
  const text = query.get('seconds')
  const seconds = text === null ? profileLimits.seconds : text.trim() === '' ? NaN : Number(text)
  if (seconds >= 1 && seconds <= profileLimits.secondsMax) return seconds
  const range = `from 1 to ${profileLimits.secondsMax}`
  throw new QpsError('QPS_OPTION', `seconds must be a number ${range}, not ${JSON.stringify(text)}`)
}

function formatOf(query: URLSearchParams, known: readonly string[]): string {
  const format = query.get('format') ?? known[0]!
  if (known.includes(format)) return format
  throw new QpsError('QPS_OPTION', `format must be one of ${known.join(', ')}, not ${JSON.stringify(format)}`)
}

/** The part of a profile that fits into a table, without the files. */
function reportable(profile: Profile, requests: number): ReportedProfile {
  const { kind, seconds, total, functions, threads, lost, cutShort, allocatedBytes } = profile
  return { kind, seconds, total, functions, threads, lost, cutShort, allocatedBytes, requests }
}

function profileIn(
  format: string,
  profile: Profile,
  reported: ReportedProfile,
  { query, about, root }: { query: URLSearchParams; about: string; root: string },
): AdminPage {
  const name = profileName(profile.kind, about)
  if (format === 'json') return json({ ...reported, pprof: Buffer.from(profile.pprof).toString('base64') })
  if (format === 'text') return plain(profileReport(reported, { rows: 40, root }))
  if (format === 'pprof') {
    return { contentType: 'application/octet-stream', body: profile.pprof, filename: `${name}.pb.gz` }
  }
  const thread = threadOf(query, profile)
  const of = profile.texts.length > 1 ? `.${thread.name.replace(' ', '-')}` : ''
  return { contentType: 'application/json', body: thread.text, filename: `${name}${of}.${format}` }
}

/** V8's formats have room for one thread: the one that is asked for, else the one that did most. */
function threadOf(query: URLSearchParams, { texts, threads }: Profile): Profile['texts'][number] {
  const wanted = query.get('thread')
  const busiest = threads.reduce((most, next) => (next.total > most.total ? next : most), threads[0]!)
  const found = texts.find(({ name }) => name === (wanted ?? busiest.name))
  if (found !== undefined) return found
  const names = texts.map(({ name }) => name).join(', ')
  throw new QpsError('QPS_OPTION', `thread must be one of ${names}, not ${JSON.stringify(wanted)}`)
}

function plain(body: string): AdminPage {
  return { contentType: 'text/plain; charset=utf-8', body }
}

function json(value: object): AdminPage {
  return { contentType: 'application/json', body: JSON.stringify(value) }
}

function index({ threads, running }: Profiler): string {
  return `?seconds=1..${profileLimits.secondsMax}, default ${profileLimits.seconds}, with each of them

/debug/profile      where the CPU's time goes          format=pprof (default), cpuprofile, text, json
/debug/heap         what allocates, garbage included   format=pprof (default), heapprofile, text, json; live: what stays
/debug/gc           each collection on a line          format=text (default), trace (for ui.perfetto.dev)
/debug/allocations  memory per request                 format=text (default), json

threads: ${threads.join(', ')}
now: ${running === undefined ? 'nothing is being taken' : `a ${running} is being taken`}
`
}
