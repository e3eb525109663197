import { type DrainReport, startAdmin } from '@qps/http'
import { type LoadResult, runLoadProcess } from '@qps/loadgen'
import { createRegistry, exposition, type MetricsRegistry, processMetrics } from '@qps/metrics'
import { debugPages, type Profile, Profiler, profileName, RequestCount, writeProfile } from '@qps/profile'
import { join } from 'node:path'
import { blockLoop, blockPage } from './block.ts'
import type { StageDefinition, StageServer, StartVariant } from './definition.ts'
import { repositoryRoot } from './figures.ts'
import type { StageOptions } from './options.ts'
import type { ListeningFacts } from './output.ts'
import { checkViews, type StageView, viewRoutes, viewText } from './views.ts'

/** First Ctrl-C to the end of the process, at most. */
const drainLimitMs = 5000
/** What the `b` key blocks for. */
const blockMs = 50

type AdminServer = Awaited<ReturnType<typeof startAdmin>>

/** A stage while it runs: one variant at a time, its admin port beside it, and the order in which they stop. */
export class StageRun {
  readonly stage: StageDefinition
  readonly options: StageOptions
  readonly #variants: Record<string, StartVariant>
  #variant: string
  #server: StageServer | undefined
  #views: readonly StageView[] = []
  #registry = createRegistry()
  #admin: AdminServer | undefined
  #ready = false
  // Before the first variant starts its threads, which it would not know otherwise.
  readonly #profiler = new Profiler({ root: repositoryRoot() })
  readonly #requests = new RequestCount({ port: () => this.port, served: () => servedOf(this.#registry) })
  readonly #debug = debugPages({ profiler: this.#profiler, requests: this.#requests, about: () => this.#about })

  constructor(stage: StageDefinition, variants: Record<string, StartVariant>, options: StageOptions) {
    this.stage = stage
    this.options = options
    this.#variants = variants
    this.#variant = options.variant
  }

  /** Starts the variant, then its admin port. What was started is stopped again where a later step fails. */
  async start(): Promise<void> {
    await this.#startVariant(this.#variant, this.options.port)
    try {
      this.#admin = await startAdmin({
        host: this.options.adminHost,
        port: this.options.adminPort,
        metrics: () => exposition(this.#registry),
        ready: () => this.#ready,
        routes: () => ({ ...this.#server?.pages, ...viewRoutes(this.#views), ...this.#debug.routes }),
        actions: { '/block': blockPage },
      })
    } catch (error) {
      await this.#server!.drain(0)
      throw error
    }
    this.#ready = true
  }

  get facts(): ListeningFacts {
    return {
      variant: this.#variant,
      workers: this.options.workersOf(this.#variant),
      url: this.#server!.url,
      admin: this.#admin!.url,
      endpoints: { ...this.#server!.endpoints },
      notes: { ...this.#server!.notes },
      tries: this.#server!.tries ?? [],
      views: this.#views,
      parts: Object.fromEntries(this.stage.parts.map((part) => [part, 'embedded'])),
    }
  }

  /** The port that requests arrive on. */
  get port(): number {
    return Number(new URL(this.#server!.url).port)
  }

  /** Pictures of what the variant does now. */
  get views(): readonly StageView[] {
    return this.#views
  }

  /** One of them, for a terminal. */
  draw(view: StageView): Promise<string> {
    return viewText(view, new URLSearchParams())
  }

  /** Blocks this thread's loop, to see what that does. @returns the line to show. */
  block(): string {
    return blockLoop(blockMs)
  }

  /**
   * Takes a CPU profile while it works, and writes it to `.profiles/` of the repository, as pprof and as V8 has it.
   *
   * @returns the profile, the requests that were answered meanwhile, and the paths.
   */
  async profile(signal: AbortSignal): Promise<{ profile: Profile; requests: number; files: string[] }> {
    using window = await this.#requests.open()
    const profile = await this.#profiler.profile('cpu', { signal })
    const requests = await window.read()
    const files = writeProfile(profile, join(repositoryRoot(), '.profiles'), profileName('cpu', this.#about))
    return { profile, requests, files }
  }

  /** Drains this variant and starts the next of `stage.json` on the same port. */
  async next(): Promise<void> {
    const names = this.stage.variants.map(({ name }) => name)
    const following = names[(names.indexOf(this.#variant) + 1) % names.length]!
    const { port } = this
    await this.#drainServer(1000)
    await this.#startVariant(following, port)
    this.#variant = following
    this.#ready = true
  }

  /**
   * Loads the stage from a process of its own, and counts the CPU that this process spends meanwhile. A shorter load
   * comes first and is not counted: code that V8 has not compiled yet says nothing about a server that has been up for a while.
   */
  async load(durationS: number, signal: AbortSignal): Promise<{ result: LoadResult; serverCpuUsPerRequest: number }> {
    const options = { url: `${this.#server!.url}/`, connections: 64, signal }
    await runLoadProcess({ ...options, durationS: Math.min(1, Math.max(0.1, durationS / 3)) })
    const before = process.cpuUsage()
    const result = await runLoadProcess({ ...options, durationS })
    const { user, system } = process.cpuUsage(before)
    return { result, serverCpuUsPerRequest: (user + system) / Math.max(1, result.requests) }
  }

  /** `/readyz` says no, requests in flight end, then the admin port closes. */
  async drain(): Promise<DrainReport> {
    const report = await this.#drainServer(drainLimitMs)
    await this.#admin?.close()
    await this.#debug[Symbol.asyncDispose]()
    this.#profiler[Symbol.dispose]()
    return report
  }

  /** What runs, for the names of files. */
  get #about(): string {
    return `stage-${this.stage.number}-${this.#variant}`
  }

  async #drainServer(limitMs: number): Promise<DrainReport> {
    this.#ready = false
    return this.#server!.drain(limitMs)
  }

  async #startVariant(name: string, port: number): Promise<void> {
    this.#registry = createRegistry()
    processMetrics(this.#registry)
    const { host, workersOf, connectionsMax, asked, variant, given } = this.options
    this.#views = []
    this.#server = await this.#variants[name]!({
      host,
      port,
      workers: workersOf(name),
      connectionsMax,
      asked: asked || name !== variant,
      given,
      registry: this.#registry,
    })
    this.#views = checkViews(this.#server.views ?? [], ownKeys)
  }
}

/** What the console's own keys are. */
export const ownKeys: readonly string[] = ['l', 'v', 'p', 'b', 'd', 'h', 'q']

const requestsTotal = 'http_server_requests_total'

/** Requests that the variant has counted itself, in all of its threads; undefined where it counts none. */
async function servedOf(registry: MetricsRegistry): Promise<number | undefined> {
  if (registry.getSingleMetric(requestsTotal) === undefined) return undefined
  // Of the whole registry some figures are those since the last scrape, which this must not be one of.
  const text = await registry.getSingleMetricAsString(requestsTotal)
  const counts = text.matchAll(/^http_server_requests_total\{[^}]*\} (\d+)/gm)
  return [...counts].reduce((sum, count) => sum + Number(count[1]), 0)
}
