import type { VariantContext } from '@qps/console'
import { systemClock } from '@qps/core'
import type { HttpProblem, RunningServer } from '@qps/http-contract'
import { PreparedFields, type Request, type Response } from '@qps/http1'
import { poolMetrics } from '@qps/metrics'
import { type BufferLease, BufferPool, type PoolMode } from '@qps/pool'
import type { Catalogue } from './catalogue.ts'
import { json, problemAnswer } from './item-route.ts'
import { writeItem } from './item-writer.ts'
import { LentBuffers } from './lent-buffers.ts'
import type { ItemAnswers, MakeAnswers } from './server.ts'

/** Memory for answers that are under way; beyond it 503. */
export const poolBytesMax = 33_554_432

/** Options of the stage that only this variant has: the bound can be seen at work without a thousand slow readers. */
export const poolOptions = {
  'pool-bytes': {
    type: 'integer',
    value: 'B',
    min: 65_536,
    max: 1_073_741_824,
    variant: 'pooled',
    help: 'memory for answers that are under way; default 33554432',
  },
} as const

/** More than one per request, so that returning keeps up with lending. */
const looksPerRequest = 2
/** When nothing is left: a bounded search, also where each request of a crowd makes it. */
const looksWhenEmpty = 64
/** Where nobody asks any more, buffers come back this late. */
const tidyMs = 250
/** The longest advice to a client that was refused. */
const retryAfterSMax = 5

const exhausted: HttpProblem = {
  status: 503,
  code: 'overloaded',
  message: 'all memory for answers is in use; ask again in a moment',
}

/** An answer is bytes in a leased buffer: no object and no string is made, and no memory but the view of what was written. */
export const pooled: MakeAnswers = (catalogue, { given, registry }) => {
  const answers = new PooledAnswers(catalogue, bytesMaxOf(given))
  poolMetrics(registry, [answers.buffers])
  return answers
}

function bytesMaxOf(given: VariantContext['given']): number {
  return Number(given('pool-bytes') ?? poolBytesMax)
}

export class PooledAnswers implements ItemAnswers {
  /** `GET /pool` of the admin port: what is lent and what there is. */
  readonly pages: RunningServer['pages']
  readonly #catalogue: Catalogue
  readonly buffers: BufferPool
  readonly #lent = new LentBuffers()
  readonly #tidying: Disposable

  constructor(catalogue: Catalogue, bytesMax: number, mode: PoolMode = 'production') {
    this.#catalogue = catalogue
    // Cleared when they come back: what a wrong length would show is then zeroes, and nobody's data.
    this.buffers = new BufferPool({ name: 'answers', bytesMax, mode, clear: true })
    this.#tidying = systemClock.every(tidyMs, () => this.tidy())
    this.pages = {
      '/pool': async () => ({
        contentType: 'application/json',
        body: `${JSON.stringify({ bytesMax, lent: this.lent, ...this.buffers.stats() })}\n`,
      }),
    }
  }

  /** Buffers whose bytes a connection still has. */
  get lent(): number {
    return this.#lent.count
  }

  readonly answer = (id: number, request: Request, response: Response): void => {
    this.#lent.takeBack(looksPerRequest)
    const lease = this.#acquire(this.#catalogue.answerBytesMax(id))
    if (lease === undefined) return refuse(response)
    const { output } = request.connection
    try {
      const length = writeItem(lease.bytes, 0, this.#catalogue, id)
      response.writeHead(200, json).end(lease.bytes.subarray(0, length))
    } finally {
      this.#lent.lend(lease, output)
    }
  }

  /** Takes back all that was taken, and lets go of what was idle for long. */
  tidy(): void {
    this.#lent.takeBack(this.#lent.count)
    this.buffers.trim()
  }

  /** When the server is drained: no connection has any of it then. */
  [Symbol.dispose](): void {
    this.#tidying[Symbol.dispose]()
    this.tidy()
    this.buffers[Symbol.dispose]()
  }

  /** @returns undefined where the pool has nothing left. */
  #acquire(bytes: number): BufferLease | undefined {
    const lease = this.buffers.tryAcquire(bytes)
    if (lease !== undefined || this.#lent.takeBack(looksWhenEmpty) === 0) return lease
    return this.buffers.tryAcquire(bytes)
  }
}

/** One answer for each advice. */
const refusals = Array.from({ length: retryAfterSMax }, (_, index) =>
  problemAnswer(
    exhausted,
    new PreparedFields({ 'content-type': 'application/json', 'retry-after': String(index + 1) }),
  ),
)

/** Clients that were refused together must not return together. */
function refuse(response: Response): void {
  refusals[Math.floor(Math.random() * retryAfterSMax)]!(response)
}
