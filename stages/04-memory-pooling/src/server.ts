import type { StartVariant, VariantContext } from '@qps/console'
import type { RunningServer } from '@qps/http-contract'
import { type Handler, type Request, type Response, serve } from '@qps/http1'
import { requestMetrics, runtimeMetrics } from '@qps/metrics'
import { type Catalogue, shopCatalogue } from './catalogue.ts'
import { type AnswerItem, itemPath, itemRouter } from './item-route.ts'

/** The routes that metrics know by name. */
const routes: readonly string[] = ['/', '/echo', '/plaintext', itemPath]

/** What one variant does with an item that exists; the rest is the same for all. */
export interface ItemAnswers extends Partial<Disposable> {
  answer: AnswerItem
  /** Asked before the router: answers by itself and says true, or leaves it to the router. */
  ahead?(request: Request, response: Response): boolean
  /** Of `serve`: request and response are the same objects again. Default false. */
  reuseMessages?: boolean
  /** What a person should know about it, a line each. */
  notes?: Readonly<Record<string, string>>
  /** Pages of its own on the admin port. */
  pages?: RunningServer['pages']
}

export type MakeAnswers = (catalogue: Catalogue, context: Pick<VariantContext, 'given' | 'registry'>) => ItemAnswers

/**
 * The stage's idea: one engine, one router, one catalogue; the variants differ in whose memory an answer is made in.
 *
 *     request ─► HTTP/1.1 ─► router ─► AnswerItem ─► bytes of the answer ─► engine ─► kernel
 *                                          │               │
 *                                          │               └ naive, baseline, compiled: strings of the collector
 *                                          │                 pooled: a leased buffer, given back when it was taken
 *                                          └ reads the catalogue's columns
 */
export const variant = (make: MakeAnswers): StartVariant => {
  return async (context) => {
    const { host, port, connectionsMax, registry } = context
    const catalogue = shopCatalogue()
    const answers = make(catalogue, context)
    const metrics = requestMetrics(registry, { routes, inFlight: () => serving.server.inFlight })
    const observers = runtimeMetrics(registry)
    const dispose = (): void => {
      observers[Symbol.dispose]()
      answers[Symbol.dispose]?.()
    }
    const options = {
      host,
      port,
      limits: connectionsMax === undefined ? {} : { connectionsMax },
      onRequestDone: metrics.record,
      onRefused: metrics.refused,
      reuseMessages: answers.reuseMessages ?? false,
    }
    const serving = await serve(options, itemHandler(catalogue, answers)).catch((error: unknown) => {
      dispose()
      throw error
    })
    return {
      url: serving.url,
      notes: { engine: serving.poller.reason, ...answers.notes },
      pages: answers.pages ?? {},
      connections: () => serving.connections(),
      drain: (limitMs) => serving.drain(limitMs).finally(dispose),
    }
  }
}

/** The router, behind whoever wants to be asked before. */
export function itemHandler(catalogue: Catalogue, answers: ItemAnswers): Handler {
  const { handler } = itemRouter(catalogue, answers.answer)
  if (answers.ahead === undefined) return handler
  const ahead = answers.ahead.bind(answers)
  return (request, response) => (ahead(request, response) ? undefined : handler(request, response))
}
