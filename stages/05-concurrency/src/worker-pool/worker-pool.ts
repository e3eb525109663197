import type { StartVariant, VariantContext } from '@qps/console'
import { extractHttp } from '@qps/context'
import { siblingModule } from '@qps/core'
import type { Handler } from '@qps/http1'
import { workerPoolMetrics } from '@qps/metrics'
import { type WhenFull, WorkerPool } from '@qps/workers'
import { checkChoice } from '../choice.ts'
import { clientSignal } from '../client-signal.ts'
import { answerFailure } from '../failures.ts'
import { json, refuse } from '../problems.ts'
import { serveStage, stageRouter } from '../server.ts'
import { poolPage, poolView } from './pool-view.ts'

type Tasks = typeof import('./tasks.ts')

export const thumbnailsPath = '/thumbnails'

/** Pixels of a picture's side. */
const sizeMin = 32
const sizeMax = 2_048
const sizeDefault = 256
/** Time for one picture, waiting included, where the client names none; and what it may ask for at most. */
const budgetMs = 1_000
const budgetMsMax = 10_000
/** Pictures that wait. Longer queues only make those wait longer who are answered in the end. */
const queueDefault = 64
/** The policy `wait`: a place is waited for so long. */
const placeWaitMs = 100

/** Options of the stage that only this variant has. */
export const poolOptions = {
  policy: {
    type: 'string',
    value: 'NAME',
    variant: 'worker-pool',
    help: 'what a full queue does: abort (default), caller-runs, discard, discard-oldest, wait',
  },
  queue: {
    type: 'integer',
    value: 'N',
    min: 0,
    max: 65_536,
    variant: 'worker-pool',
    help: 'tasks that wait at most; default 64',
  },
} as const

/**
 * Work for the processor, beside a loop that has to stay free. The loop reads requests and answers them; threads compute; between
 * them is a queue with a bound, and at the bound a policy:
 *
 *     request ─► loop ─► queue: room? ─► thread ─► loop ─► answer
 *                          │ none
 *                          └─► abort, discard: 503 · discard-oldest: 503 to another one · wait: 503 after a while
 *                              caller-runs: the loop computes, and takes no request meanwhile
 */
export const workerPool: StartVariant = async (context) => {
  const policy = policyOf(context.given('policy'))
  const queueMax = Number(context.given('queue') ?? queueDefault)
  const pool = new WorkerPool<Tasks>({
    module: siblingModule(import.meta.url, './tasks'),
    threadsMin: context.workers,
    threadsMax: context.workers,
    queueMax,
    whenFull: policy === 'wait' ? { waitMs: placeWaitMs } : policy,
  })
  workerPoolMetrics(context.registry, () => pool.stats())
  const router = stageRouter(context.given).post(thumbnailsPath, thumbnails(pool))
  const server = await serveStage(context, router, [thumbnailsPath]).catch(async (error: unknown) => {
    await pool[Symbol.asyncDispose]()
    throw error
  })
  return {
    ...server,
    notes: { ...server.notes, policy },
    pages: { '/pool': poolPage(pool, queueMax) },
    views: [poolView(pool, queueMax)],
    tries: [
      `curl -X POST '${server.url}${thumbnailsPath}?size=512'`,
      `npm run load -- '${server.url}${thumbnailsPath}?size=512' -m POST -c 200 -d 5`,
    ],
    async drain(limitMs) {
      const report = await server.drain(limitMs)
      await pool[Symbol.asyncDispose]()
      return report
    },
  }
}

type Policy = Exclude<WhenFull, object> | 'wait'
const policies: readonly Policy[] = ['abort', 'caller-runs', 'discard', 'discard-oldest', 'wait']

function policyOf(given: ReturnType<VariantContext['given']>): Policy {
  return checkChoice('policy', given, policies, 'abort')
}

/** `POST /thumbnails?size=…`: the hash of the picture in the body, or of one that is made up where there is none. */
function thumbnails(pool: WorkerPool<Tasks>): Handler {
  return async (request, response) => {
    const size = sizeOf(new URLSearchParams(request.query).get('size'))
    if (size === undefined) {
      return refuse(response, 400, 'bad_size', `size must be a whole number from ${sizeMin} to ${sizeMax}`)
    }
    const headers = request.rawHeaders().flat()
    const bytes = await request.bytes()
    using context = extractHttp(headers, { budgetMs, budgetMsMax }).withCancel(clientSignal(response))
    try {
      const hash = await pool.run('thumbnail', { size, bytes }, { context, idempotent: true })
      response.writeHead(200, json).end(JSON.stringify({ size, hash }))
    } catch (error) {
      answerFailure(response, error)
    }
  }
}

function sizeOf(text: string | null): number | undefined {
  if (text === null) return sizeDefault
  const size = /^\d{1,5}$/.test(text) ? Number(text) : NaN
  return size >= sizeMin && size <= sizeMax ? size : undefined
}
