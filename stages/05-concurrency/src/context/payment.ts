import { type CancellableContext, extractMessage, injectMessage } from '@qps/context'
import type { Tracer } from '@qps/tracing'
import { setTimeout as sleep } from 'node:timers/promises'
import { LogClient } from '../log/log-client.ts'
import type { LogRecord } from '../log/message-log.ts'
import { reserveMs } from './budgets.ts'
import { cancelHeader, type PaymentRequest, paymentsTopic, repliesTopic } from './order-service.ts'
import { addressOf, type ProcessSetup, type Role } from './process.ts'
import { beginSpan, serviceTracer } from './spans.ts'

/** Payments at a time. What comes on top stays in the log, which is what it is for. */
const workingMax = 256

/** The payment service: it reads messages, works, and answers by messages. Nobody calls it. */
export async function start({ addresses }: ProcessSetup): Promise<Role> {
  const payments = new Payments(addresses['log']!, await serviceTracer('payment'))
  return {
    addresses: {},
    counts: () => ({ ...payments.counts, working: payments.working }),
    async drain(limitMs) {
      await payments.drain(limitMs)
    },
  }
}

class Payments {
  readonly counts = { paid: 0, cancelled: 0, expired: 0 }
  readonly #tracer: Tracer
  readonly #log: LogClient
  /** By order. */
  readonly #working = new Map<string, CancellableContext>()

  constructor(log: string, tracer: Tracer) {
    this.#tracer = tracer
    this.#log = new LogClient({
      at: addressOf(log),
      topic: paymentsTopic,
      concurrencyMax: workingMax,
      onRecord: (record) => this.#receive(record),
    })
  }

  get working(): number {
    return this.#working.size
  }

  async drain(limitMs: number): Promise<void> {
    const endMs = performance.now() + limitMs
    while (this.#working.size > 0 && performance.now() < endMs) await sleep(10)
    this.#log[Symbol.dispose]()
  }

  async #receive({ key, headers, value, waitedMs }: LogRecord): Promise<void> {
    if (headers[cancelHeader] !== undefined) return this.#working.get(key)?.cancel('the order was called off')
    // The budget goes on while a message waits for a reader.
    using context = extractMessage(headers, { waitedMs, budgetMs: 0 }).withCancel()
    if (context.ended) return void this.counts.expired++
    using span = beginSpan(this.#tracer, context, `${paymentsTopic} process`, 'consumer')
    const { paymentMs } = JSON.parse(value) as PaymentRequest
    this.#working.set(key, context)
    try {
      await charge(paymentMs, context.signal)
      this.counts.paid++
      const answer = injectMessage(span.context, {}, { reserveMs }) as Record<string, string>
      this.#log.append(repliesTopic, { key, headers: answer, value: '' })
    } catch (error) {
      span.fail(context.reason ?? error)
      if (context.reason?.code === 'QPS_DEADLINE') this.counts.expired++
      else this.counts.cancelled++
    } finally {
      this.#working.delete(key)
    }
  }
}

/** A card that is charged somewhere else: here, time that passes. Whoever calls it off ends it. */
async function charge(paymentMs: number, signal: AbortSignal): Promise<void> {
  await sleep(paymentMs, undefined, { signal })
}
