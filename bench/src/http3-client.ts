import { messageOf } from '@qps/core'
import { connectHttp3, type Field, type Http3Client } from '@qps/quic'
import type { Answer } from './answer.ts'
import { answerBytesMax, answerTimeoutMs } from './exchange.ts'
import type { Asked } from './question.ts'

/**
 * Asks over one connection of HTTP/3 of its own, all at once, and waits for what comes of each, for 5 s at most. The client is
 * ours, as the server may be: ngtcp2 and Chromium hold both to what others understand, in the tests of @qps/quic.
 *
 * A certificate is taken as it is: the server was started by us, and is asked over loopback.
 *
 * @returns an answer per question, in their order; in its place why there is none.
 */
export async function askHttp3(url: string, asks: readonly Asked[]): Promise<(Answer | string)[]> {
  const { hostname, port } = new URL(url)
  const limits = { streamWindowBytes: answerBytesMax }
  const to = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port), insecure: true, limits }
  try {
    await using client = await connectHttp3({ ...to, timeoutMs: answerTimeoutMs })
    const signal = AbortSignal.timeout(answerTimeoutMs)
    return await Promise.all(asks.map((ask) => answerTo(client, ask, signal)))
  } catch (error) {
    return asks.map(() => messageOf(error))
  }
}

async function answerTo(client: Http3Client, { path, echo }: Asked, signal: AbortSignal): Promise<Answer | string> {
  try {
    const response = await client.request({ path, signal, ...(echo !== undefined && { body: echo }) })
    const { status, headers } = response
    const body = (await response.body.collect(answerBytesMax)).toString('latin1')
    const valueOf = (wanted: string): string | undefined => headers.find(([name]) => name === wanted)?.[1]
    const length = valueOf('content-length')
    const fields: readonly Field[] = [[':status', String(status)], ...headers]
    return {
      protocol: 'h3',
      statusLine: `:status: ${status}`,
      status,
      contentType: valueOf('content-type'),
      contentLength: length === undefined ? undefined : Number(length),
      body,
      text: `${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`,
    }
  } catch (error) {
    return signal.aborted ? `no whole answer came within ${answerTimeoutMs / 1000} s` : messageOf(error)
  }
}
