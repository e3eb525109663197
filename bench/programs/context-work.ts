import {
  type CancellableContext,
  childTrace,
  type Context,
  currentContext,
  extractHttp,
  injectHttp,
  runIn,
} from '@qps/context'
import { createTracer, traceRandom, type Tracer, type TracerOptions } from '@qps/tracing'
import type { Work } from './repeat.ts'

/**
 * What a request is given: nothing, a context by hand, the same in `using` blocks, one by AsyncLocalStorage, or a span as well,
 * recorded or not.
 */
export const contextKinds = [
  'none',
  'explicit',
  'explicit-using',
  'implicit',
  'trace-unsampled',
  'trace-sampled',
] as const
export type ContextKind = (typeof contextKinds)[number]

type Fields = Record<string, string>
type Handler = (incoming: Fields) => Promise<number>

/** Long enough that no pause of the machine shortens the text of a budget. */
const budgetMs = 60_000
const callMs = 50_000
/** Requests that differ. A power of two. */
const requests = 64

/**
 * The operation of 05-context: a request with headers comes in, the handler awaits so many times, and calls somebody with
 * headers of its own. The checksum is made of the lengths of what is sent, which are the same whoever made it.
 *
 * @param exporter where recorded spans go; by default they are thrown away, in batches.
 */
export function contextWork(
  kind: ContextKind,
  awaits: number,
  exporter: NonNullable<TracerOptions['exporter']> = discard,
): Work {
  const handler = handlerOf(kind, awaits, exporter)
  const incoming = incomingFields(kind === 'trace-sampled' ? '01' : '00')
  let at = 0
  let sum = 0
  return {
    async run(count) {
      for (let done = 0; done < count; done++) {
        sum = (sum + (await handler(incoming[at]!))) >>> 0
        at = (at + 1) & (requests - 1)
      }
    },
    get checksum() {
      return sum
    },
  }
}

function handlerOf(kind: ContextKind, awaits: number, exporter: NonNullable<TracerOptions['exporter']>): Handler {
  switch (kind) {
    case 'none':
      return async (incoming) => {
        await pauses(awaits)
        return sentLength({
          traceparent: incoming['traceparent']!,
          'x-request-timeout-ms': incoming['x-request-timeout-ms']!,
        })
      }
    case 'explicit':
      return (incoming) => handle(extractHttp(incoming), awaits)
    case 'explicit-using':
      return async (incoming) => {
        using context = extractHttp(incoming)
        await pauses(awaits)
        using call = context.withTimeout(callMs)
        return send(call)
      }
    case 'implicit':
      return (incoming) => handleImplicitly(extractHttp(incoming), awaits)
    case 'trace-unsampled':
    case 'trace-sampled':
      return traced(awaits, createTracer({ service: 'bench', exporter }))
  }
}

async function handle(context: CancellableContext, awaits: number): Promise<number> {
  try {
    await pauses(awaits)
    return callWith(context)
  } finally {
    context[Symbol.dispose]()
  }
}

async function handleImplicitly(context: CancellableContext, awaits: number): Promise<number> {
  try {
    return await runIn(context, async () => {
      await pauses(awaits)
      return callWith(currentContext())
    })
  } finally {
    context[Symbol.dispose]()
  }
}

function traced(awaits: number, tracer: Tracer): Handler {
  return async (incoming) => {
    const context = extractHttp(incoming)
    const span = tracer.start(context, 'GET /', { kind: 'server', attributes: { 'http.route': '/' } })
    try {
      await pauses(awaits)
      return callWith(span.context)
    } finally {
      span.end()
      context[Symbol.dispose]()
    }
  }
}

/** A call with less time, at a place of its own in the trace. */
function callWith(context: Context): number {
  const call = context.withTimeout(callMs)
  try {
    return send(call)
  } finally {
    call[Symbol.dispose]()
  }
}

function send(call: Context): number {
  call.throwIfEnded()
  return sentLength(injectHttp(call.withTrace(childTrace(call.trace, traceRandom)), {}))
}

async function pauses(awaits: number): Promise<void> {
  for (let done = 0; done < awaits; done++) await there
}

/** What a handler awaits: it costs a turn of the microtasks, and no time. */
const there = Promise.resolve()

function sentLength(fields: Fields): number {
  return fields['traceparent']!.length + fields['x-request-timeout-ms']!.length
}

function incomingFields(flags: string): Fields[] {
  return Array.from({ length: requests }, (_, at) => ({
    host: 'localhost',
    'user-agent': 'bench',
    accept: '*/*',
    traceparent: `00-${String(at + 1).padStart(32, '1')}-${String(at + 1).padStart(16, '2')}-${flags}`,
    'x-request-timeout-ms': String(budgetMs),
  }))
}

const discard: NonNullable<TracerOptions['exporter']> = {
  export: (_, done) => done({ code: 0 }),
  shutdown: async () => {},
}
