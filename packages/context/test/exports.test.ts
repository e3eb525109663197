import * as context from '@qps/context'
import { expect, test } from 'vitest'

test('the export names are these', () => {
  expect(Object.keys(context).toSorted()).toEqual([
    'TraceState',
    'background',
    'budgetDefaults',
    'budgetOf',
    'childTrace',
    'contextKey',
    'currentContext',
    'extractGrpc',
    'extractHttp',
    'extractMessage',
    'formatTraceBytes',
    'formatTraceparent',
    'grpcKeys',
    'httpFields',
    'injectGrpc',
    'injectHttp',
    'injectMessage',
    'isSampled',
    'messageFields',
    'parseTraceBytes',
    'parseTraceparent',
    'parseTracestate',
    'runIn',
    'startTrace',
    'traceFlags',
    'traceLimits',
  ])
})
