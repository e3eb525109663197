import { extractGrpc, extractHttp, extractMessage, injectHttp } from '@qps/context'
import { expect, test } from 'vitest'

const hostile = ['__proto__', 'constructor', 'prototype', 'toString', '__defineGetter__']

test('S12 prototype pollution: hostile names in trace headers, metadata and message headers are names like any other', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const tracestate = 'constructor=1,prototype=2,a__proto__=3'
  const fields = Object.create(null) as Record<string, string>
  for (const name of hostile) fields[name] = 'x=1'
  Object.assign(fields, { traceparent, tracestate })
  for (const { trace } of [extractHttp(fields), extractGrpc(fields), extractMessage(fields)]) {
    expect(trace!.state.get('constructor')).toBe('1')
    for (const name of ['__proto__', 'toString', 'valueOf']) expect(trace!.state.get(name)).toBeUndefined()
  }
  expect(injectHttp(extractHttp(fields), {})).toEqual({ traceparent, tracestate })
  // Not a key by the grammar: the whole state is dropped, the trace goes on.
  const sent = injectHttp(extractHttp({ traceparent, tracestate: '__proto__=1,foo=2' }), {})
  expect(sent).toEqual({ traceparent })
  expect(({} as Record<string, unknown>)['x']).toBeUndefined()
})
