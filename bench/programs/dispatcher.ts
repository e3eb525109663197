import { setTimeout as sleep } from 'node:timers/promises'
import {
  type CreateDispatcher,
  dispatcherModules,
  type HttpDispatcher,
  type ResponseHandler,
  type ResponseHead,
} from '@qps/client'
import { checkInteger, didYouMean, QpsError } from '@qps/core'
import { measured, measuring, programOptions } from './report.ts'

/*
 * A client as a program: one dispatcher that is kept busy, and nothing else. As many requests are under way as its connections
 * hold; each answer's status and length are checked, and its body's bytes are counted.
 */
const { target, warmupS, seconds, given } = programOptions()
const kinds = Object.keys(dispatcherModules) as (keyof typeof dispatcherModules)[]
const kind = kinds.find((name) => name === given['kind'])
if (kind === undefined) {
  throw new QpsError('QPS_OPTION', `--kind must be one of ${kinds.join(', ')}, not ${given['kind']}`, {
    hint: didYouMean(given['kind'] ?? '', kinds),
  })
}
const connectionsMax = checkInteger('connections', Number(given['connections'] ?? 64), { min: 1, max: 10_000 })
const pipelining = checkInteger('pipeline', Number(given['pipeline'] ?? 1), { min: 1, max: 1024 })
const parts = checkInteger('parts', Number(given['parts'] ?? 2), { min: 1, max: 64 })
const { origin, pathname } = new URL(target)

const total = { requests: 0, errors: 0, bodyBytes: 0 }
let isOver = false

/** One place under way: an answer's end is the next request's beginning. */
class Slot implements ResponseHandler {
  readonly #dispatcher: HttpDispatcher
  #status = 0
  #expectedBytes = -1
  #bytes = 0

  constructor(dispatcher: HttpDispatcher) {
    this.#dispatcher = dispatcher
  }

  send(): void {
    this.#bytes = 0
    this.#dispatcher.dispatch({ path: pathname }, this)
  }

  onHead(head: ResponseHead): void {
    this.#status = head.status
    this.#expectedBytes = Number(head.header('content-length') ?? -1)
  }

  onData(chunk: Uint8Array): void {
    this.#bytes += chunk.length
  }

  onEnd(): void {
    if (this.#status === 200 && this.#bytes === this.#expectedBytes) {
      total.requests++
      total.bodyBytes += this.#bytes
    } else total.errors++
    if (!isOver) this.send()
  }

  onError(): void {
    total.errors++
    // The next attempt waits for a turn: one that fails at once would otherwise hold the loop.
    if (!isOver) setImmediate(() => this.send())
  }
}

const { createDispatcher } = (await import(dispatcherModules[kind].href)) as { createDispatcher: CreateDispatcher }
const dispatcher = createDispatcher({ origin, connectionsMax, pipelining, parts })
for (let slot = 0; slot < connectionsMax * pipelining; slot++) new Slot(dispatcher).send()
await sleep(warmupS * 1000)
const before = { ...total }
const startMs = performance.now()
measuring()
await sleep(seconds * 1000)
const elapsedS = (performance.now() - startMs) / 1000
isOver = true
await measured({
  requests: total.requests - before.requests,
  errors: total.errors,
  elapsedS,
  figures: { bodyBytes: total.bodyBytes - before.bodyBytes },
})
await dispatcher.close()
