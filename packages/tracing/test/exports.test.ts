import * as tracing from '@qps/tracing'
import { expect, test } from 'vitest'

test('the export names are these', () => {
  expect(Object.keys(tracing).toSorted()).toEqual([
    'SpanStore',
    'TracePropagator',
    'TracedSpan',
    'Tracer',
    'createTracer',
    'isInRatio',
    'otlpExporter',
    'recordOf',
    'spanContextOf',
    'storeDefaults',
    'traceOf',
    'traceRandom',
    'tracingDefaults',
    'waterfall',
  ])
})
