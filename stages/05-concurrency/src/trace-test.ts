import { childTrace, type Context, extractHttp, injectHttp } from '@qps/context'
import { messageOf, QpsError, type Random } from '@qps/core'
import { isLoopback } from '@qps/http-contract'
import type { Handler } from '@qps/http1'
import { clientSignal } from './client-signal.ts'
import { json, refuse } from './problems.ts'

export const testPath = '/test'

/** Requests that one POST may ask for. */
export const targetsMax = 16
/** A body, and with it all that is nested in it. */
export const testBytesMax = 65_536
/** Time for all of them, where the caller names none; and what it may ask for at most. */
const budgetMs = 5_000
const budgetMsMax = 10_000

/** One request to be made: `arguments` is posted to `url` as JSON. */
interface Target {
  url: URL
  arguments: unknown
}

/**
 * `POST /test`, as the test service of the W3C's suite for Trace Context has it: the body is `[{"url":…,"arguments":[…]}]`, and
 * each `arguments` is posted to its `url` with the trace, and what is left of the budget, of the request that asked for it.
 * `arguments` may be such a list again, for another service of this kind, or for this one.
 *
 * A service that fetches what it is told to is a way into its network (server-side request forgery): so only `http:` to loopback,
 * unless `hosts` names others; redirects are not followed, answers not shown, and count, size and time are bounded. What is
 * nested is bounded by the body that it stands in.
 *
 * @param hosts further names of hosts that may be asked.
 * Source: w3c/trace-context, test/README.md.
 */
export function postTest(hosts: readonly string[] = []): Handler {
  return async (request, response) => {
    const headers = request.rawHeaders().flat()
    const body = await request.bytes()
    let targets: Target[]
    try {
      targets = parseTargets(body, hosts)
    } catch (error) {
      return refuse(response, 400, 'bad_test', messageOf(error))
    }
    using context = extractHttp(headers, { budgetMs, budgetMsMax }).withCancel(clientSignal(response))
    // One trace for all that follows, also where none has come.
    const own = context.withTrace(childTrace(context.trace, secretRandom))
    const answers = await Promise.all(targets.map((target) => post(target, own)))
    if (!response.ended) response.writeHead(200, json).end(JSON.stringify(answers))
  }
}

/** @returns the status, or why there is none. */
async function post(
  { url, arguments: given }: Target,
  context: Context,
): Promise<{ url: string; status: number | string }> {
  // Each request that goes out is an operation of its own, with an id of its own.
  const call = context.withTrace(childTrace(context.trace, secretRandom))
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: injectHttp(call, { 'content-type': 'application/json' }) as Record<string, string>,
      body: JSON.stringify(given),
      redirect: 'manual',
      signal: call.signal,
    })
    await answer.body?.cancel()
    return { url: url.href, status: answer.status }
  } catch (error) {
    return { url: url.href, status: error instanceof QpsError ? error.code : 'unreachable' }
  }
}

function parseTargets(body: Uint8Array, hosts: readonly string[]): Target[] {
  if (body.length > testBytesMax) throw misuse(`the body may have ${testBytesMax} bytes`)
  const list: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  if (!Array.isArray(list)) throw misuse('the body is a list of {"url":…,"arguments":[…]}')
  if (list.length > targetsMax) throw misuse(`at most ${targetsMax} requests may be asked for`)
  return list.map((entry: unknown) => parseTarget(entry, hosts))
}

function parseTarget(entry: unknown, hosts: readonly string[]): Target {
  const { url: text, arguments: given } = (entry ?? {}) as { url?: unknown; arguments?: unknown }
  const url = typeof text === 'string' ? URL.parse(text) : null
  if (url === null || given === undefined) throw misuse('each entry has a url and arguments')
  const isPlain = url.protocol === 'http:' && url.username === '' && url.password === ''
  if (!isPlain || !(isLoopback(url.hostname) || hosts.includes(url.hostname))) {
    throw misuse('a url is http:// on loopback; --test-hosts allows others')
  }
  return { url, arguments: given }
}

/** Ids are seen by everybody on the way: whoever sees one can tell nothing of the others. */
const secretRandom: Random = () => crypto.getRandomValues(new Uint32Array(1))[0]! / 2 ** 32

function misuse(message: string): QpsError {
  return new QpsError('QPS_USAGE', message)
}
