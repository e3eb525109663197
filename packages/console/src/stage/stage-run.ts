import { type DrainReport, type RunningServer, startAdmin } from '@qps/http'
import { type LoadResult, runLoadProcess } from '@qps/loadgen'
import { createRegistry, exposition, processMetrics } from '@qps/metrics'
import { blockLoop, blockPage } from './block.ts'
import type { StageDefinition, StartVariant } from './definition.ts'
import type { StageOptions } from './options.ts'
import type { ListeningFacts } from './output.ts'

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
  #server: RunningServer | undefined
  #registry = createRegistry()
  #admin: AdminServer | undefined
  #ready = false

  constructor(stage: StageDefinition, variants: Record<string, StartVariant>, options: StageOptions) {
    this.stage = stage
    this.options = options
    this.#variants = variants
    this.#variant = options.variant
  }

  /** Starts the variant, then its admin port. What was started is stopped again where a later step fails. */
  async start(): Promise<void> {
    this.#server = await this.#startVariant(this.#variant, this.options.port)
    try {
      this.#admin = await startAdmin({
        host: this.options.adminHost,
        port: this.options.adminPort,
        metrics: () => exposition(this.#registry),
        ready: () => this.#ready,
        routes: () => this.#server?.pages ?? {},
        actions: { '/block': blockPage },
      })
    } catch (error) {
      await this.#server.drain(0)
      throw error
    }
    this.#ready = true
  }

  get facts(): ListeningFacts {
    return {
      variant: this.#variant,
      workers: this.options.workers,
      url: this.#server!.url,
      admin: this.#admin!.url,
      endpoints: { ...this.#server!.endpoints },
      notes: { ...this.#server!.notes },
      parts: Object.fromEntries(this.stage.parts.map((part) => [part, 'embedded'])),
    }
  }

  /** The port that requests arrive on. */
  get port(): number {
    return Number(new URL(this.#server!.url).port)
  }

  /** Blocks this thread's loop, to see what that does. @returns the line to show. */
  block(): string {
    return blockLoop(blockMs)
  }

  /** Drains this variant and starts the next of `stage.json` on the same port. */
  async next(): Promise<void> {
    const names = this.stage.variants.map(({ name }) => name)
    const following = names[(names.indexOf(this.#variant) + 1) % names.length]!
    const { port } = this
    await this.#drainServer(1000)
    this.#server = await this.#startVariant(following, port)
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
    return report
  }

  async #drainServer(limitMs: number): Promise<DrainReport> {
    this.#ready = false
    return this.#server!.drain(limitMs)
  }

  async #startVariant(name: string, port: number): Promise<RunningServer> {
    this.#registry = createRegistry()
    processMetrics(this.#registry)
    const { host, workers, connectionsMax, asked, variant, given } = this.options
    return this.#variants[name]!({
      host,
      port,
      workers,
      connectionsMax,
      asked: asked || name !== variant,
      given,
      registry: this.#registry,
    })
  }
}
