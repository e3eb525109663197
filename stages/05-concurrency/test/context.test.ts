import { startStage, type StageProcess } from '@qps/testkit'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { folder } from './variants.ts'

/** The first request of five processes takes its time, and more of it where the machine is busy. */
async function startContext(): Promise<StageProcess> {
  const stage = await startStage(folder, ['--variant', 'context'])
  await post(stage, '/checkout', '', { 'x-request-timeout-ms': '10000' })
  return stage
}

interface ProcessFacts {
  name: string
  pid: number
  restarts: number
  counts: Record<string, number>
}

interface Span {
  service: string
  name: string
  traceId: string
  spanId: string
  parentId: string | undefined
  durationMs: number
  status: string
  attributes: { 'request.budget_ms': number }
}

const budgetOf = (span: Span): number => span.attributes['request.budget_ms']

const services = ['client', 'gateway', 'auth', 'order', 'payment']

async function processes(stage: StageProcess): Promise<Record<string, ProcessFacts>> {
  const list = (await (await fetch(`${stage.admin}/processes`)).json()) as ProcessFacts[]
  return Object.fromEntries(list.map((each) => [each.name, each]))
}

async function spansOf(stage: StageProcess, traceId: string): Promise<Record<string, Span>> {
  const list = (await (await fetch(`${stage.admin}/traces?id=${traceId}`)).json()) as Span[]
  return Object.fromEntries(list.map((span) => [span.service, span]))
}

/** They come a moment after the answer. */
async function collected(
  stage: StageProcess,
  traceId: string,
  names: readonly string[],
): Promise<Record<string, Span>> {
  let spans: Record<string, Span> = {}
  await expect
    .poll(async () => Object.keys((spans = await spansOf(stage, traceId))).toSorted(), { timeout: 5_000 })
    .toEqual([...names].toSorted())
  return spans
}

interface Answer {
  status: number
  trace: string
  body: Record<string, unknown> & { error?: { code: string } }
  ms: number
}

async function post(
  stage: StageProcess,
  path: string,
  body: object | string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const startMs = performance.now()
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const answer = await fetch(stage.url + path, { method: 'POST', body: text, headers })
  const given = (await answer.json()) as Answer['body']
  return {
    status: answer.status,
    trace: answer.headers.get('x-trace-id')!,
    body: given,
    ms: performance.now() - startMs,
  }
}

/** A machine that is busy with other tests holds up every answer by some of this. Without a deadline it would be seconds. */
const busyMs = 500

describe('five processes', () => {
  let stage: StageProcess
  beforeAll(async () => {
    stage = await startContext()
  })
  afterAll(() => stage?.[Symbol.asyncDispose]())

  test('take part in one request, in one trace, each within less than its caller had', async () => {
    const pids = Object.values(await processes(stage)).map(({ pid }) => pid)
    expect(new Set(pids).size).toBe(5)
    const { status, trace, body } = await post(stage, '/checkout', { item: 'kettle' })
    expect(status).toBe(200)
    expect(body).toMatchObject({ item: 'kettle', customer: 'guest', trace })

    const { client, gateway, auth, order, payment } = await collected(stage, trace, services)
    const parents: [Span, Span][] = [
      [gateway!, client!],
      [auth!, gateway!],
      [order!, gateway!],
      [payment!, order!],
    ]
    for (const [child, parent] of parents) {
      expect(child.parentId, child.service).toBe(parent.spanId)
      expect(budgetOf(child), child.service).toBeLessThan(budgetOf(parent))
    }
    expect(budgetOf(client!)).toBeLessThanOrEqual(1_000)

    const text = await (await fetch(`${stage.admin}/debug/trace?format=text&id=${trace}`)).text()
    expect(text).toContain(trace)
    for (const service of services) expect(text).toMatch(new RegExp(`^ *${service} .*█`, 'm'))
    expect(text.indexOf('shop.Orders/Place')).toBeLessThan(text.indexOf('payments process'))
    const svg = await (await fetch(`${stage.admin}/debug/trace?format=svg&id=${trace}`)).text()
    expect(svg).toContain('payment payments process')
  })

  test('go on with a trace that comes, and record none that is not sampled', async () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c'
    const sampled = { traceparent: `00-${traceId}-b7ad6b7169203331-01`, authorization: 'Bearer ada' }
    const { status, trace, body } = await post(stage, '/orders', '', sampled)
    expect([status, trace, body['customer']]).toEqual([200, traceId, 'ada'])
    const { gateway } = await collected(stage, traceId, services.slice(1))
    expect(gateway!.parentId).toBe('b7ad6b7169203331')

    const unsampled = { traceparent: '00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00' }
    expect((await post(stage, '/orders', '', unsampled)).status).toBe(200)
    await sleep(300)
    expect(await spansOf(stage, '1af7651916cd43dd8448eb211c80319c')).toEqual({})
  })

  test.each(['/orders', '/checkout'])(
    '%s past the deadline is 504 within it, and what is behind it stops',
    async (path) => {
      const { paid } = (await processes(stage))['payment']!.counts
      const budget = { 'x-request-timeout-ms': '400' }
      const { status, trace, ms } = await post(stage, path, { paymentMs: 5_000 }, budget)
      expect(ms).toBeLessThan(400 + busyMs)
      expect(status).toBe(504)
      const { payment } = await collected(stage, trace, path === '/orders' ? services.slice(1) : services)
      expect(payment!.status).toBe('error')
      expect(payment!.durationMs).toBeLessThan(1_000)
      await expect.poll(async () => (await processes(stage))['payment']!.counts['working'], { timeout: 5_000 }).toBe(0)
      expect((await processes(stage))['payment']!.counts).toMatchObject({ paid })
      expect((await processes(stage))['order']!.counts).toMatchObject({ pending: 0 })
    },
  )

  test('a budget of nothing is over at once, and none is longer than the gateway allows', async () => {
    expect((await post(stage, '/orders', '', { 'x-request-timeout-ms': '0' })).status).toBe(504)
    const { trace } = await post(stage, '/orders', '', { 'x-request-timeout-ms': '999999999' })
    const { gateway } = await collected(stage, trace, services.slice(1))
    expect(budgetOf(gateway!)).toBeLessThanOrEqual(10_000)
  })

  test('a client that leaves ends the work of all of them', async () => {
    const before = await processes(stage)
    const leaving = new AbortController()
    const left = fetch(`${stage.url}/orders`, {
      method: 'POST',
      body: JSON.stringify({ paymentMs: 8_000 }),
      headers: { 'x-request-timeout-ms': '10000' },
      signal: leaving.signal,
    }).catch(() => 'left')
    await expect.poll(async () => (await processes(stage))['payment']!.counts['working'], { timeout: 5_000 }).toBe(1)
    leaving.abort()
    expect(await left).toBe('left')
    await expect
      .poll(async () => (await processes(stage))['payment']!.counts['cancelled'], { timeout: 3_000 })
      .toBe(before['payment']!.counts['cancelled']! + 1)
    expect((await processes(stage))['order']!.counts).toMatchObject({ pending: 0 })
  })

  test.each([
    ['/orders', '{', 400],
    ['/orders', '[]', 200],
    ['/orders', '{"paymentMs":-1}', 400],
    ['/orders', '{"paymentMs":1e9}', 400],
    ['/orders', '{"item":7}', 400],
    ['/orders', `{"item":"${'x'.repeat(101)}"}`, 400],
    ['/orders', `{"x":"${'x'.repeat(5_000)}"}`, 400],
    ['/checkout', 'null', 400],
  ])('POST %s of %s is %i', async (path, body, status) => {
    expect((await post(stage, path, body)).status).toBe(status)
  })

  test('credentials that are none are refused by the service that knows', async () => {
    for (const authorization of ['Bearer 7', 'Basic abc', 'Bearer']) {
      expect((await post(stage, '/orders', '', { authorization })).status).toBe(401)
    }
  })

  test('end with the gateway that drains', async () => {
    const pids = Object.values(await processes(stage)).map(({ pid }) => pid)
    expect(pids.filter(isAlive)).toHaveLength(5)
    expect((await stage.stop()).code).toBe(0)
    expect(stage.stderr()).toBe('')
    expect(pids.filter(isAlive)).toEqual([])
  })
})

describe('a process that is killed', () => {
  let stage: StageProcess
  beforeAll(async () => {
    stage = await startContext()
  })
  afterAll(() => stage?.[Symbol.asyncDispose]())
  const kill = async (name: string): Promise<number> => {
    const { pid } = (await processes(stage))[name]!
    process.kill(pid, 'SIGKILL')
    return pid
  }
  const worksAgain = async (): Promise<void> => {
    const status = async (): Promise<number> => (await post(stage, '/checkout', '')).status
    await expect.poll(status, { timeout: 10_000, interval: 100 }).toBe(200)
  }

  test('payment: 504 within the budget for whoever waits, and it is started again for those who come later', async () => {
    expect((await post(stage, '/checkout', '')).status).toBe(200)
    const pid = await kill('payment')
    // Shorter than it takes to start another one: nobody is there to pay.
    const gone = await post(stage, '/orders', '', { 'x-request-timeout-ms': '400' })
    expect(gone.status).toBe(504)
    expect(gone.ms).toBeLessThan(400 + busyMs)
    await worksAgain()
    const after = (await processes(stage))['payment']!
    expect(after.restarts).toBe(1)
    expect(after.pid).not.toBe(pid)
    expect(stage.stderr()).toContain('payment ended: SIGKILL')
  })

  test.each(['auth', 'order', 'client'])(
    '%s: requests fail for a moment, and go on at the same address',
    async (name) => {
      await kill(name)
      expect([200, 503, 504]).toContain((await post(stage, '/checkout', '')).status)
      await worksAgain()
    },
  )

  test('the gateway: none of the others is left', async () => {
    const pids = Object.values(await processes(stage)).map(({ pid }) => pid)
    await stage.stop('SIGKILL')
    await expect.poll(() => pids.filter(isAlive), { timeout: 5_000 }).toEqual([])
  })
})

/** A process that has ended and that nobody has asked for yet is not alive. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return false
  }
}
