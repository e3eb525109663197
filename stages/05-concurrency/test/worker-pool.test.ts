import { startStage, type StageProcess } from '@qps/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hashDistance, perceptualHash } from '../src/worker-pool/perceptual-hash.ts'
import { thumbnail } from '../src/worker-pool/tasks.ts'
import { folder } from './variants.ts'

const waited = { throwIfCancelled: () => {} }

const startPool = (...options: string[]): Promise<StageProcess> =>
  startStage(folder, ['--variant', 'worker-pool', '--workers', '1', ...options])

interface Answer {
  status: number
  retryAfter: string | null
  body: { hash?: string; error?: { code: string } }
}

async function hash(stage: StageProcess, size: number, init: RequestInit = {}): Promise<Answer> {
  const answer = await fetch(`${stage.url}/thumbnails?size=${size}`, { method: 'POST', ...init })
  return {
    status: answer.status,
    retryAfter: answer.headers.get('retry-after'),
    body: (await answer.json()) as Answer['body'],
  }
}

/** More at once than one thread and a queue of two take, and patient enough for all of them. */
const crowd = (stage: StageProcess): Promise<Answer[]> => {
  const patience = { headers: { 'x-request-timeout-ms': '10000' } }
  return Promise.all(Array.from({ length: 12 }, () => hash(stage, 512, patience)))
}

async function poolOf(
  stage: StageProcess,
): Promise<{ depth: number; running: number; callerRuns: number; endings: Record<string, number> }> {
  return (await (await fetch(`${stage.admin}/pool`)).json()) as never
}

describe('the hash of a picture', () => {
  const picture = (size: number, shade: (x: number, y: number) => number): Uint8Array =>
    Uint8Array.from({ length: size * size }, (_, index) =>
      shade((index % size) / size, Math.floor(index / size) / size),
    )

  test('is nearly the same for pictures that look alike, whatever their size, and another for others', () => {
    const waves = (x: number, y: number): number => 128 + 60 * Math.sin(9 * x) + 60 * Math.cos(5 * y + 3 * x)
    const rings = (x: number, y: number): number => 128 + 120 * Math.cos(20 * Math.hypot(x - 0.3, y - 0.6))
    const original = perceptualHash(picture(256, waves), 256)
    expect(original).toMatch(/^[0-9a-f]{16}$/)
    expect(hashDistance(original, perceptualHash(picture(512, waves), 512))).toBeLessThanOrEqual(6)
    expect(
      hashDistance(
        original,
        perceptualHash(
          picture(256, (x, y) => waves(x, y) * 0.8 + 20),
          256,
        ),
      ),
    ).toBeLessThanOrEqual(6)
    expect(hashDistance(original, perceptualHash(picture(256, rings), 256))).toBeGreaterThan(12)
  })

  test('is made of the bytes that are given, or of a picture that is made up', () => {
    const bytes = Buffer.from('not a picture at all')
    expect(thumbnail({ size: 64, bytes }, waited)).not.toBe(thumbnail({ size: 64, bytes: new Uint8Array() }, waited))
    expect(thumbnail({ size: 64, bytes }, waited)).toBe(thumbnail({ size: 64, bytes }, waited))
  })

  test('ends where nobody waits for it any more', () => {
    const cancelled = {
      throwIfCancelled() {
        throw new Error('nobody waits')
      },
    }
    expect(() => thumbnail({ size: 64, bytes: new Uint8Array() }, cancelled)).toThrow('nobody waits')
  })
})

describe('a queue with room', () => {
  let stage: StageProcess
  beforeAll(async () => {
    stage = await startPool('--queue', '64')
  })
  afterAll(() => stage?.[Symbol.asyncDispose]())

  test('POST /thumbnails answers what the function gives', async () => {
    const bytes = Buffer.from('some bytes')
    expect(await hash(stage, 64, { body: bytes })).toMatchObject({
      status: 200,
      body: { size: 64, hash: thumbnail({ size: 64, bytes }, waited) },
    })
    for (const size of ['31', '2049', 'x', '1e3', '-1', '']) {
      expect((await fetch(`${stage.url}/thumbnails?size=${size}`, { method: 'POST' })).status).toBe(400)
    }
    expect((await fetch(`${stage.url}/thumbnails`)).status).toBe(405)
  })

  test('past its deadline a task is answered 504, and one that has not begun is not begun', async () => {
    const before = (await poolOf(stage)).endings['timedOut']!
    const patience = { headers: { 'x-request-timeout-ms': '30' } }
    const answers = await Promise.all(Array.from({ length: 12 }, () => hash(stage, 2_048, patience)))
    const late = answers.filter(({ status }) => status === 504)
    expect(late.length).toBeGreaterThan(8)
    expect(late[0]!.body.error!.code).toBe('deadline')
    expect((await poolOf(stage)).endings['timedOut']! - before).toBe(late.length)
    expect((await hash(stage, 64)).status).toBe(200)
  })

  test('clients that leave take their tasks along', async () => {
    const leaving = new AbortController()
    const asked = Array.from({ length: 20 }, () =>
      hash(stage, 2_048, { signal: leaving.signal }).catch(() => undefined),
    )
    await expect.poll(async () => (await poolOf(stage)).depth, { interval: 2, timeout: 5_000 }).toBeGreaterThan(10)
    leaving.abort()
    await Promise.all(asked)
    await expect.poll(async () => (await poolOf(stage)).endings['cancelled'], { timeout: 5_000 }).toBeGreaterThan(9)
    await expect.poll(async () => (await poolOf(stage)).depth, { timeout: 5_000 }).toBe(0)
    expect((await hash(stage, 64)).status).toBe(200)
    expect(stage.stderr()).toBe('')
  })

  test('the loop answers others while the threads compute', async () => {
    const computing = new AbortController()
    const asked = Promise.all(Array.from({ length: 6 }, () => hash(stage, 2_048))).finally(() => computing.abort())
    let answered = 0
    while (!computing.signal.aborted) {
      expect((await fetch(stage.url)).status).toBe(200)
      answered++
    }
    await asked
    expect(answered).toBeGreaterThan(5)
  })

  test('the view shows the queue against its bound', async () => {
    await hash(stage, 64)
    const text = await (await fetch(`${stage.admin}/debug/pool?format=text`)).text()
    expect(text).toMatch(/done [1-9]/)
    expect(text).toMatch(/queue .* 0 of 64/)
    expect(text).toMatch(/run p99 .* ms/)
    const metrics = await (await fetch(`${stage.admin}/metrics`)).text()
    expect(metrics).toMatch(/^worker_pool_tasks_ended_total\{ending="done"\} [1-9]/m)
  })
})

describe('a full queue', () => {
  test.each(['abort', 'discard', 'discard-oldest'])(
    '%s: 503 with advice to some, the hash to the others',
    async (policy) => {
      await using stage = await startPool('--policy', policy, '--queue', '2')
      const answers = await crowd(stage)
      const refused = answers.filter(({ status }) => status === 503)
      expect(answers.filter(({ status }) => status === 200).length + refused.length).toBe(12)
      expect(refused.length).toBeGreaterThan(0)
      for (const { retryAfter, body } of refused) {
        expect(retryAfter).toMatch(/^[1-5]$/)
        expect(body.error!.code).toBe(policy === 'abort' ? 'pool_full' : 'task_discarded')
      }
      expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(2)
    },
  )

  test('caller-runs: nobody is refused, and the loop computes', async () => {
    await using stage = await startPool('--policy', 'caller-runs', '--queue', '2')
    const answers = await crowd(stage)
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    expect((await poolOf(stage)).callerRuns).toBeGreaterThan(0)
  })

  test('wait: a place is waited for, and those that get none in time are refused', async () => {
    await using stage = await startPool('--policy', 'wait', '--queue', '2')
    const answers = await crowd(stage)
    expect(answers.every(({ status }) => [200, 503].includes(status))).toBe(true)
    expect(answers.some(({ status }) => status === 200)).toBe(true)
  })
})
