import { childTrace, extractHttp, injectGrpc, injectHttp, injectMessage } from '@qps/context'
import { type SpanRecord, waterfall } from '@qps/tracing'
import { validateHeaderValue } from 'node:http'
import { expect, test } from 'vitest'

const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

test('S25 injection: no byte in a trace header is sent on that a header cannot have', () => {
  for (let byte = 0; byte < 256; byte++) {
    const hostile = String.fromCharCode(byte)
    for (const fields of [
      { traceparent: `${traceparent}${hostile}`, tracestate: `foo=1${hostile}bar` },
      { traceparent: `01${traceparent.slice(2)}-${hostile}`, tracestate: `f${hostile}o=1,bar=2` },
      { traceparent, tracestate: `foo=${hostile}`, 'x-request-timeout-ms': `1${hostile}0` },
    ]) {
      using context = extractHttp(fields)
      const call = context.withTrace(childTrace(context.trace, () => 0.5))
      const sent = [injectHttp(call, {}), injectMessage(call, {}), injectGrpc(call, {})] as Record<string, string>[]
      for (const headers of sent) {
        for (const [name, value] of Object.entries(headers)) {
          expect(() => validateHeaderValue(name, value)).not.toThrow()
          expect(value).toMatch(/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/)
        }
      }
    }
  }
})

test('S25 injection: no character in the name of a span or a service moves the cursor of a terminal', () => {
  for (let code = 0; code < 0x2100; code++) {
    const name = `a${String.fromCharCode(code)}b`
    const span = {
      traceId: '1',
      spanId: '2',
      kind: 'server',
      startMs: 0,
      durationMs: 1,
      status: 'error',
      attributes: {},
    } as const
    const record: SpanRecord = { ...span, name, service: name, message: name }
    expect(waterfall([record]).replace('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
  }
})
